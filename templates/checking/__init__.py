"""What should somebody look at before an email goes out? Answered in words, with file and line.

One room for each subject; each looks at an email that is rendered already:

* `findings`        what is found: how much it matters, in which words, where
* `checked_email`   the email under the loupe: rendered, parsed, with the way back to its lines
* `duties`          the way to unsubscribe, the postal address, the text part, the size
* `header_lines`    subject and preheader
* `links`           addresses: readable, encrypted, without anything personal
* `content`         pictures and headings
* `wording`, `health_words`, `word_lists`
                    words that give health away, and words that spam filters know
* `cascade`, `contrast`
                    which colours meet, by day and in the dark, and whether they can be read
* `client_support`, `client_words`
                    what people using this or that mail program will not see
* `leftovers`       what the inliner could not understand
* `faults`          everything that keeps a document from being rendered, at once
* `everyone`        does it render for every person it is for, and how does it come out
* `examination`     one email from all these sides
* `specimen`        an email with every block, to look at a theme by
"""

from __future__ import annotations

from templates.checking.checks import check_edition
from templates.checking.findings import Finding, Level

__all__ = ["Finding", "Level", "check_edition"]
