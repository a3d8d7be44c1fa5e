"""The browser page of a device: choose targets on the live picture and see what the tracker makes of them."""
