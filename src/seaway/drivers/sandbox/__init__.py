"""The sandbox: the mount and network namespace (without root, also the user namespace) that everything else lives in."""
