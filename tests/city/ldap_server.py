"""OpenLDAP's slapd as a child process with a small city's directory in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

SLAPD = shutil.which("slapd") or ("/usr/sbin/slapd" if os.access("/usr/sbin/slapd", os.X_OK) else None)
BASE = "dc=haechi,dc=city"
READER, READER_PASSWORD = f"cn=reader,{BASE}", "읽기-전용-계정-1"
PERSON_PASSWORD = "여섯-시에-일어난다"

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
database mdb
suffix "{base}"
rootdn "{reader}"
rootpw "{password}"
directory {folder}/data
overlay memberof
"""

ENTRIES = """
dn: {base}
objectClass: dcObject
objectClass: organization
o: haechi
dc: haechi

dn: uid=kim,{base}
objectClass: inetOrgPerson
uid: kim
cn: 김해솔
sn: 김
mail: kim@haechi.city
departmentNumber: 복지과
userPassword: {person}

dn: uid=lee,{base}
objectClass: inetOrgPerson
uid: lee
cn: 이나루
sn: 이
departmentNumber: 없는과
userPassword: {person}

dn: cn=haechi-staff,{base}
objectClass: groupOfNames
cn: haechi-staff
member: uid=kim,{base}
"""


@contextmanager
def directory(folder: Path) -> Iterator[str]:
    """The URL of a running directory; skips the test, saying why, where slapd is not installed."""
    if SLAPD is None:
        pytest.skip("slapd가 없습니다: apt-get install slapd")
    (folder / "data").mkdir(parents=True)
    config, entries = folder / "slapd.conf", folder / "entries.ldif"
    config.write_text(CONFIG.format(folder=folder, base=BASE, reader=READER, password=READER_PASSWORD))
    entries.write_text(ENTRIES.format(base=BASE, person=PERSON_PASSWORD))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"ldap://127.0.0.1:{probe.getsockname()[1]}"
    server = subprocess.Popen([SLAPD, "-d", "0", "-f", str(config), "-h", url], stderr=subprocess.PIPE)
    try:
        _fill(url, entries)
        yield url
    finally:
        server.terminate()
        server.wait(10)
        assert server.stderr is not None
        server.stderr.close()


def _fill(url: str, entries: Path) -> None:
    from ldap3 import Connection, Server

    deadline = time.monotonic() + 20
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 1):
            break
        assert time.monotonic() < deadline, "slapd did not start"
        time.sleep(0.1)
    connection = Connection(Server(url, connect_timeout=1), READER, READER_PASSWORD, auto_bind=True)
    for block in entries.read_text().strip().split("\n\n"):
        pairs = [line.split(": ", 1) for line in block.splitlines()]
        attributes: dict[str, list[str]] = {}
        for key, value in pairs[1:]:
            attributes.setdefault(key, []).append(value)
        assert connection.add(pairs[0][1], attributes=attributes), connection.result
    connection.unbind()
