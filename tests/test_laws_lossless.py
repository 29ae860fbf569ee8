"""Law 1, lossless: every text comes back byte for byte, and none of them makes reading fail."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from inet46 import formats
from inet46.formats import inetd, launchd, smf, systemd, xinetd
from inet46.knowledge import HOSTS, resolve
from inet46.predict import predict
from tests.texts import MANIFEST, documents, jobs, manifests, patient, unit_files

NAMES = [row.name for row in HOSTS]


@given(documents)
@example("a\r\nb\r\n\0\udcff")
@example("x" * 20_000)
def test_lossless_inetd_gives_every_text_back(text: str) -> None:
    assert inetd.emit(inetd.parse(text)) == text


@given(documents)
@example("service a\n{\n" + "x" * 20_000)
def test_lossless_xinetd_gives_every_text_back(text: str) -> None:
    assert xinetd.emit(xinetd.parse(text)) == text


@given(documents | unit_files)
@example("[Socket]\r\n\0\rListenStream=1\\\n")
@example("a\\")
def test_lossless_systemd_gives_every_text_back(text: str) -> None:
    assert systemd.emit(systemd.parse(text)) == text


@given(documents | jobs)
def test_lossless_launchd_gives_every_text_back(text: str) -> None:
    assert launchd.emit(launchd.parse(text)) == text


@given(documents | manifests)
@example("<?xml version='1.0' encoding='utf-7'?><a/>")
@example("\ud800")
@example("<" * 9)
def test_lossless_smf_gives_every_text_back(text: str) -> None:
    assert smf.emit(smf.parse(text)) == text


@given(manifests, manifests)
@patient
def test_lossless_reading_manifests_never_raises(one: str, other: str) -> None:
    host = resolve("illumos/inetd")
    files = {f"/lib/svc/manifest/site/{name}.xml": text for name, text in (("a", one), ("b", other), ("ours", MANIFEST))}

    reading = formats.read(files, host)

    assert [entry for entry in reading.entries if entry.origin and entry.origin.source.path.endswith("ours.xml")]
    predict(reading.entries, host)


@given(st.sampled_from(NAMES), documents | unit_files | jobs, documents | unit_files | jobs)
@patient
def test_lossless_reading_never_raises_on_any_host(name: str, main: str, other: str) -> None:
    host = resolve(name)
    files = {
        host.config: main,
        f"{host.directory}/other": other,
        "/etc/inetd.conf": other if host.config != "/etc/inetd.conf" else main,
        f"{host.config}/a.socket": main,
        f"{host.config}/a@.service": other,
        f"{host.config}/a.service": other,
        f"{host.config}/a.socket.d/b.conf": other,
        f"{host.config}/sockets.target.wants/a.socket": formats.Link("/x"),
        f"{host.config}/a.plist": other,
        "/lib/svc/manifest/site/a.xml": other,
    }

    reading = formats.read(files, host)

    predict(reading.entries, host)
