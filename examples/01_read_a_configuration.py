"""Read a configuration as httpd does: what is in force, and which line says so.

Nothing is executed and no Apache is needed. A ``Value`` knows its origin, and the sections that httpd
skips are kept with the reason.
"""

from pathlib import Path

from poolwise.config import load

SITE = Path(__file__).resolve().parent / "site"

site = load(SITE).site
print(f"httpd {site.httpd_version} with the {site.mpm} MPM, {len(site.files)} files read\n")

for name in (
    "StartServers",
    "MinSpareServers",
    "MaxSpareServers",
    "MaxConnectionsPerChild",
    "KeepAliveTimeout",
):
    value = site.values[name]
    print(f"{name:<24}{value.value!s:>5}  {Path(value.where.file).relative_to(SITE)}:{value.where.line}")

print()
for skipped in site.inactive:
    print(f"skipped: {skipped.section} ({skipped.reason})")
