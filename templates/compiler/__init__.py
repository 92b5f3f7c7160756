"""Compile once: what inlining gives every reader, at the price of joining texts.

Inlining is nearly all of the time a rendering takes, and nearly all of it is the same for
everybody. So an edition is worked out as far as it goes without knowing who reads it; what is
left open is marked by placeholders; the page with the placeholders is inlined, once; and the
placeholders are exchanged for what was left open. One room for each part of the idea:

* `parts`         a page that is partly open: words, fields, choices and repeats
* `values`        what an expression is worth before the reader is known
* `expressions`, `statements`, `macros`
                  evaluation: Jinja's syntax tree, executed as far as it is known
* `positions`     where in the HTML each open part stands
* `placeholders`  the page written flat, each open part as a mark the inliner cannot change
* `joining`       lists that become one list, or not, by what a reader's branch leaves between
* `attributes`    open parts in addresses and styles, finished by the inliner's own rules
* `verification`  proof that inlining kept every mark where it belongs
* `rehearsal`     the same email both ways for made-up readers; any difference ends compiling
* `residual`      the template of what is left
* `transfer`      the same, encoded as it goes over the wire
* `keys`, `variants`
                  what decides about styles is a key: a variant is compiled for each value
* `fallback`      the honest way for everything else: inline for each reader, remembering merges
* `text_part`     the plain text part, laid out except where it is open
* `report`        what happened to which line, for the author
* `renderer`      all of it behind the `Renderer` protocol

The law of every room: what cannot be proven equal is not compiled.
"""
