"""nginx and Envoy as ingress-nginx and Envoy Gateway configure them, with the settings that deploy/README.md gives to people."""
import pathlib
import re

from envoy import address, filter

README = pathlib.Path(__file__).resolve().parents[2] / "deploy/README.md"


def setting(pattern):
    """What the page says, so that people get what is tested here."""
    return re.search(pattern, README.read_text())[1]


def nginx(folder, terminating, passing, edge, edge_with_tls, breaking):
    """Ports: of the two listeners, of the two edges, and of the servers behind /breaks."""
    body_size = setting(r"proxy-body-size: (\w+)")
    read_timeout, send_timeout = setting(r'proxy-read-timeout: "(\d+)"'), setting(r'proxy-send-timeout: "(\d+)"')
    # What is not the page's is ingress-nginx's default.
    return f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
user root;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
stream {{
    upstream edges {{ server 127.0.0.1:{edge_with_tls}; }}
    server {{ listen {passing}; proxy_pass edges; }}
}}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-bodies;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    upstream edges {{ server 127.0.0.1:{edge}; keepalive 320; keepalive_timeout 60s; keepalive_requests 10000; }}
    upstream breaking {{ {" ".join(f"server 127.0.0.1:{port};" for port in breaking)} keepalive 320; }}
    server {{
        listen {terminating} ssl http2;
        ssl_certificate {folder}/tls.crt;
        ssl_certificate_key {folder}/tls.key;
        client_max_body_size {body_size};
        client_body_buffer_size 8k;
        proxy_http_version 1.1;
        proxy_connect_timeout 5s;
        proxy_read_timeout {read_timeout}s;
        proxy_send_timeout {send_timeout}s;
        proxy_request_buffering on;
        proxy_buffering off;
        proxy_buffer_size 4k;
        proxy_buffers 4 4k;
        proxy_next_upstream error timeout;
        proxy_next_upstream_tries 3;
        proxy_set_header Host $host;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header X-Request-ID $request_id;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        location / {{ proxy_pass http://edges; }}
        location /breaks {{ proxy_pass http://breaking; }}
    }}
}}
"""


def envoy(folder, terminating, passing, edge, edge_with_tls, breaking):
    timeout, idle = setting(r"timeouts\.request: (\w+)"), setting(r"connectionIdleTimeout: (\w+)")

    def cluster(name, *ports):
        options = {
            "common_http_protocol_options": {"idle_timeout": idle},
            "explicit_http_config": {"http_protocol_options": {}},
        }
        endpoints = [{"endpoint": {"address": address("127.0.0.1", port)}} for port in ports]
        protocol = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        return {
            "name": name,
            "connect_timeout": "10s",
            "per_connection_buffer_limit_bytes": 32768,
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
            "typed_extension_protocol_options": {protocol: {"@type": f"type.googleapis.com/{protocol}", **options}},
        }

    def route(prefix, name):
        return {"match": {"prefix": prefix}, "route": {"cluster": name, "timeout": timeout}}

    router = filter("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", {})
    manager = filter("http", "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
        "stat_prefix": "https",
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": True,
        "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
        "http_filters": [router],
        "route_config": {"virtual_hosts": [{
            "name": "flows",
            "domains": ["*"],
            "routes": [route("/breaks", "breaking"), route("/", "edges")],
        }]},
    })
    certificate = {"certificate_chain": {"filename": f"{folder}/tls.crt"}, "private_key": {"filename": f"{folder}/tls.key"}}
    tls = filter("tls", "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
        "common_tls_context": {"tls_certificates": [certificate], "alpn_protocols": ["h2", "http/1.1"]},
    })
    through = filter("tcp_proxy", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
        "stat_prefix": "passing",
        "cluster": "edges-with-tls",
    })
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "https",
                    "address": address("127.0.0.1", terminating),
                    "per_connection_buffer_limit_bytes": 32768,
                    "filter_chains": [{"transport_socket": tls, "filters": [manager]}],
                },
                {
                    "name": "passing",
                    "address": address("127.0.0.1", passing),
                    "filter_chains": [{"filters": [through]}],
                },
            ],
            "clusters": [cluster("edges", edge), cluster("edges-with-tls", edge_with_tls), cluster("breaking", *breaking)],
        },
    }
