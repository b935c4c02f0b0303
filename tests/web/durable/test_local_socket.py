import socket

from funchost.web.durable.local_socket import rpc_base_url


def test_clients_are_told_the_port_that_was_bound():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        assert rpc_base_url(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}/durabletask/"
