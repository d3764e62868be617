"""What was asked for is not always what is in force: httpd corrects settings at start-up, often silently.

And a WSGI application does not always run where its owner believes.
"""

from pathlib import Path

from poolwise.config import load

SITE = Path(__file__).resolve().parent / "site"

site = load(SITE).site
for value in site.values.values():
    for change in value.changes:
        print(f"{value.name}: asked for {change.asked}, in force {change.became}")
        print(f"  {change.message_id or 'silently'}: {change.text}")

print()
for application in site.applications:
    print(f"{application.host}{application.mount}: {application.runs} {application.process_group}".rstrip())
for group in site.daemon_groups:
    print(f"daemon group {group.name}: {group.processes} x {group.threads}, selected: {group.selected}")
