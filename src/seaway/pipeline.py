"""The product in one screen: manifests in, meaning and plans out. Pure: no I/O, no clock."""
