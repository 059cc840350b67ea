"""The sign-in page: plain HTML, so that it works before any script is loaded."""

from html import escape
from urllib.parse import quote

from serving.console.wording import PREFIX

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Vouch</title>
<link rel="stylesheet" href="{prefix}/assets/console.css">
<link rel="icon" href="{prefix}/assets/mark.svg" type="image/svg+xml">
</head>
<body class="signin">
<main>
<div class="signin-brand"><img src="{prefix}/assets/mark.svg" width="36" height="36" alt="">
<span>Vouch</span></div>
<h1>Sign in to the console</h1>
<p class="muted">Stock, forecasts, and what may be promised from them.</p>
<form method="post" action="{prefix}/login?next={next}">
{problem}
<label for="key">API key</label>
<input id="key" name="key" type="password" required autofocus autocomplete="current-password"
  spellcheck="false" aria-describedby="key-help"{invalid}>
<p id="key-help" class="hint">No key yet? Run <code>vouch keys create --role viewer</code>
on the server. A session lasts eight hours.</p>
<button type="submit">Sign in</button>
</form>
</main>
</body>
</html>
"""

PROBLEM = """<p class="problem" role="alert">This key is unknown, revoked, or belongs to a vendor.
Check that you copied all of it.</p>"""


def page(next_path: str, *, refused: bool = False) -> str:
    """The form; after signing in, the visitor goes on to `next_path`."""
    return PAGE.format(
        prefix=PREFIX,
        next=escape(quote(next_path), quote=True),
        problem=PROBLEM if refused else "",
        invalid=' aria-invalid="true"' if refused else "",
    )
