"""What a plan is worth: the only judge, and every term of the objective."""
