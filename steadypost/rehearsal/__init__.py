"""How will a series go? Played before it goes, on a clock that flies, by the code that sends."""
