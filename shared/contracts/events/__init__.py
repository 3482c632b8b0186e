"""The index of contract events and deposits: it reads block by block and rolls back removed blocks."""
