"""Real logs that others have published, as benign background in the form that platforms deliver."""
