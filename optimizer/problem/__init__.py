"""What a day is: the vocabulary, the travel matrix, the plan, and their JSON form."""
