"""Keys of feeds: what an entry may say, and that a key never shows itself."""

import pytest
from pydantic import ValidationError

from stillwatch.errors import ConfigError
from stillwatch.feeds.access import Auth, SecretError, read_credential
from stillwatch.feeds.registry import find_feeds

SECRET = "a-long-enough-secret"
BEARER = Auth(type="bearer", secret_env="PEERS_TOKEN")
URL = "https://taxii.example.com/taxii2/"


def test_read_credential__comes_from_the_named_variable(tmp_path):
    found = read_credential(BEARER, tmp_path, {"PEERS_TOKEN": f" {SECRET}\n"})
    assert (found.header, found.value) == ("Authorization", f"Bearer {SECRET}")


def test_read_credential__an_absent_variable_is_named(tmp_path):
    with pytest.raises(SecretError, match="environment variable PEERS_TOKEN is not set"):
        read_credential(BEARER, tmp_path, {})


def test_credential__does_not_show_its_secret(tmp_path):
    found = read_credential(BEARER, tmp_path, {"PEERS_TOKEN": SECRET})
    assert SECRET not in f"{found} {found!r}"
    assert found.hide(f"at https://x/?key={SECRET}") == "at https://x/?key=[hidden]"
    assert found.is_in(f'{{"echo": "{SECRET}"}}'.encode())
    assert not found.is_in(b"nothing")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "bearer"},
        {"type": "bearer", "secret_env": "A", "secret_file": "b"},
        {"type": "bearer", "secret": SECRET},
        {"type": "bearer", "secret_env": "$(cat key)"},
        {"type": "basic", "secret_env": "A"},
        {"type": "basic", "username": "a:b", "secret_env": "A"},
        {"type": "bearer", "username": "a", "secret_env": "A"},
        {"type": "api_key", "header": "X-Key: 1\r\nX-Other", "secret_env": "A"},
    ],
)
def test_auth__an_entry_that_does_not_say_where_the_key_lies_is_refused(fields):
    with pytest.raises(ValidationError):
        Auth.model_validate(fields)


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ({"url": "https://reader:hunter22@example.com/x"}, "put it into `auth`"),
        ({"url": "https://example.com:99999/x"}, "Port out of range"),
        ({"url": "http://example.com/x", "auth": {}}, "needs an https `url`"),
        ({"url": "http://10.0.0.5/x", "auth": {}}, "needs an https `url`"),
        ({"path": "x.txt", "auth": {}}, "`auth` belongs to a `url`"),
        ({"kind": "taxii21", "url": URL}, "needs a `url` and `taxii:"),
        ({"kind": "taxii21", "path": "x.json", "taxii": {"collection": "c"}}, "no `path`"),
        ({"url": URL, "taxii": {"collection": "c"}}, "`taxii` belongs to kind taxii21"),
        ({"kind": "taxii21", "url": URL, "taxii": {"collection": ""}}, "collection"),
        ({"kind": "taxii21", "url": URL, "taxii": {"collection": "c", "page_size": 0}}, "page_siz"),
        (
            {
                "kind": "taxii21",
                "url": URL,
                "auth": {},
                "taxii": {"collection": "c", "api_root": "http://taxii.example.com/a/"},
            },
            "needs an https `url`",
        ),
    ],
)
def test_config__a_wrong_origin_is_said_without_its_secret(deployment, entry, part):
    if "auth" in entry:
        entry = entry | {"auth": {"type": "bearer", "secret_env": "PEERS_TOKEN"}}
    deployment.configure({"id": "peers", "kind": "cidr_list"} | entry)
    with pytest.raises(ConfigError, match=part) as caught:
        find_feeds(deployment.settings)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://localhost/x", URL])
def test_config__a_key_may_go_to_https_and_to_this_machine(deployment, url):
    auth = {"type": "bearer", "secret_env": "PEERS_TOKEN"}
    deployment.configure({"id": "peers", "kind": "cidr_list", "url": url, "auth": auth})
    assert find_feeds(deployment.settings)[0].auth == BEARER


def test_read_credential__a_public_password_may_be_short_but_no_token(tmp_path):
    guest = Auth(type="basic", username="guest", secret_env="GUEST")
    found = read_credential(guest, tmp_path, {"GUEST": "guest"})
    assert not found.is_in(b'{"name": "guest network"}')
    assert found.is_in(b"Basic Z3Vlc3Q6Z3Vlc3Q=")
    with pytest.raises(SecretError, match="fewer than 8"):
        read_credential(BEARER, tmp_path, {"PEERS_TOKEN": "guest"})
