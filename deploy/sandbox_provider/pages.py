"""The pages for people: where a shopper approves, and where developers look."""

from __future__ import annotations

from html import escape

from .methods import METHODS
from .records import Intent

NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
SAYINGS = {
    "processing": "This payment is being processed.",
    "authorized": "This payment is approved.",
    "captured": "This payment is complete.",
    "declined": "This payment was declined.",
    "cancelled": "This payment was cancelled by the shop.",
    "capture_refused": "This payment could not be completed.",
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root{{color-scheme:light dark;--ink:#1c2430;--dim:#66707f;--line:#dde2ea;--paper:#fff;--ground:#eef1f6;--go:#1b6e4b}}
@media(prefers-color-scheme:dark){{:root{{--ink:#e8ecf2;--dim:#9aa5b5;--line:#333d4b;--paper:#1a212b;--ground:#11161d;
--go:#2f9a6c}}}}
*{{box-sizing:border-box}}body{{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}}
.card{{max-width:26rem;margin:12vh auto 2rem;padding:2rem;background:var(--paper);border:1px solid var(--line);
border-radius:14px;box-shadow:0 12px 32px #0f1a2a14}}
.dim{{color:var(--dim);font-size:.875rem}}.amount{{font-size:2.5rem;font-weight:650;margin:.25rem 0 1rem;
font-variant-numeric:tabular-nums}}hr{{border:0;border-top:1px solid var(--line);margin:1.25rem 0}}
button{{width:100%;padding:.8rem;margin-top:.6rem;border-radius:9px;border:1px solid var(--line);background:none;
color:inherit;font:inherit;font-weight:600;cursor:pointer}}button.go{{background:var(--go);border-color:var(--go);
color:#fff}}
button:focus-visible,a:focus-visible{{outline:3px solid #5b9dd9;outline-offset:2px}}
.wide{{max-width:72rem;margin:2rem auto;padding:0 1rem}}table{{border-collapse:collapse;width:100%;
background:var(--paper)}}
td,th{{text-align:left;vertical-align:top;padding:.45rem .7rem;border-bottom:1px solid var(--line);font-size:.9rem}}
code{{font-size:.85rem}}a{{color:inherit}}
</style></head><body>{body}</body></html>"""


def money(amount: int, currency: str) -> str:
    """For people: `1,299.00 €`, `¥` without decimals, any other currency with its code."""
    exponent = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    whole, part = divmod(amount, 10**exponent)
    number = f"{whole:,}" + (f".{part:0{exponent}}" if exponent else "")
    return f"{number} {SIGNS.get(currency, currency)}"


def hosted(intent: Intent) -> str:
    """Where the shopper approves or declines; afterwards it says how it ended."""
    if intent.status == "requires_action":
        end = (
            f'<form method="post" action="/pay/{intent.id}/approve"><button class="go">Approve</button></form>'
            f'<form method="post" action="/pay/{intent.id}/decline"><button>Decline</button></form>'
        )
    else:
        end = f"<p>{SAYINGS[intent.status]}</p>"
        if intent.return_url:
            end += f'<p><a href="{escape(intent.return_url)}">Back to the shop</a></p>'
    body = (
        f'<main class="card"><div class="dim">Confirm your payment</div>'
        f'<div class="amount">{escape(money(intent.amount, intent.currency))}</div>'
        f'<div>{escape(intent.description)}</div><div class="dim">{escape(intent.reference)}</div><hr>{end}'
        '<p class="dim">Sandbox: no real money moves here.</p></main>'
    )
    return PAGE.format(title="Confirm your payment", body=body)


def index(intents: list[Intent]) -> str:
    """The newest intents with what happened to them, and the test payment methods."""
    rows = "".join(
        f'<tr><td><a href="/pay/{intent.id}"><code>{intent.id}</code></a><br><span class="dim">'
        f"{escape(intent.reference)}</span></td><td>{escape(money(intent.amount, intent.currency))}</td>"
        f"<td><code>{escape(intent.payment_method)}</code></td><td>{intent.status}"
        f'<br><span class="dim">{escape(intent.code)}</span></td><td class="dim">'
        + "<br>".join(escape(f"{line['at'][11:23]} {line['what']}") for line in intent.history)
        + "</td></tr>"
        for intent in intents
    )
    tokens = "".join(
        f"<tr><td><code>{name}</code></td><td>{method.story}</td></tr>" for name, method in METHODS.items()
    )
    head = "<tr><th>intent, reference</th><th>amount</th><th>method</th><th>status</th><th>history (UTC)</th></tr>"
    body = (
        '<main class="wide"><h1>Sandbox payment provider</h1><p class="dim">No real money moves here.</p>'
        f"<h2>Test payment methods</h2><table>{tokens}</table>"
        f"<h2>The newest {len(intents)} intents</h2><table>{head}{rows}</table></main>"
    )
    return PAGE.format(title="Sandbox payment provider", body=body)
