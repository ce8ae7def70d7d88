"""One folder an API dialect: defaults, precedence and validation turn manifests into the model. `build.py` joins them."""
