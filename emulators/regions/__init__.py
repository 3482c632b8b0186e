"""Three regions of the product on one machine: `make regions`."""
