"""The drill: three regions under load, broken one after the other (`make drill`)."""
