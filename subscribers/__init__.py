"""Who are they, and may we mail them?"""
