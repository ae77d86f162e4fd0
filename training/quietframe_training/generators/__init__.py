"""Programs that render training examples and the example window shown in the documentation."""
