"""The notebook over HTTP: REST v1, the live feed, and the files of the web interface."""
