"""Network policies of all dialects: what each means in the language of `model/policies`, and which mistakes are in them."""
