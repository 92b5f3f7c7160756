"""Database plumbing without a domain: where do rows live, and how is one transaction made?"""
