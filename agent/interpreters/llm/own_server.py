"""Whether a server is one's own: requests that nobody asked for are only sent there, since others may charge."""

import ipaddress
import socket
from urllib.parse import urlsplit


def is_own_server(base_url: str | None) -> bool:
    """Whether all addresses of the URL's host are loopback, private or link-local. Resolves the host name."""
    try:
        host = urlsplit(base_url or "").hostname
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)} if host else set()
        return bool(addresses) and all(_is_private(str(address)) for address in addresses)
    except (OSError, ValueError):  # no such host, or no URL
        return False


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return parsed.is_loopback or parsed.is_private or parsed.is_link_local
