"""How do people reach us?"""
