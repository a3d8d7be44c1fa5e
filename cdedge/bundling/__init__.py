"""A folder that takes a model to a device: wheel, model, locked requirements, install script, unit, container."""
