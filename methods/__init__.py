"""Methods that ship with vosbench, one folder each. Installed as `vosbench_methods`."""
