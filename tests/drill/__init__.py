"""The drill: three regions under load, with one fault after the other (`make drill`)."""
