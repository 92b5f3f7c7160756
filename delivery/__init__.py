"""How does it leave, and what comes back?"""
