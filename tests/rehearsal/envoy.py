"""Envoy's configuration as a load balancer that passes TCP through, in JSON, which YAML is a superset of."""
import json
import os
import pathlib

ADMIN_PORT = 9901


def balancer(port, edges_file, edge, log):
    """`edge` is the Timing of the edge's Deployment: Envoy asks as kubelet would."""
    return {
        "admin": {"address": address("0.0.0.0", ADMIN_PORT)},
        "static_resources": {
            "listeners": [{
                "name": "flows",
                "address": address("0.0.0.0", port),
                "filter_chains": [{"filters": [filter("tcp_proxy", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
                    "stat_prefix": "flows",
                    "cluster": "edges",
                    # Which connection goes to which edge, to know what a killed one had in its hands.
                    "access_log_options": {"flush_access_log_on_connected": True},
                    "access_log": [filter("file", "envoy.extensions.access_loggers.file.v3.FileAccessLog", {
                        "path": str(log),
                        "log_format": {"text_format_source": {
                            "inline_string": "%DOWNSTREAM_REMOTE_PORT% %UPSTREAM_HOST%\n",
                        }},
                    })],
                })]}],
            }],
            "clusters": [{
                "name": "edges",
                "type": "EDS",
                "eds_cluster_config": {"eds_config": {"path_config_source": {"path": str(edges_file)}}},
                "connect_timeout": "1s",
                # Unless told so, it collects what its checks found for a second before it heeds it.
                "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
                # Who is on the list no more gets no new connection, though its checks go on being good.
                "ignore_health_on_host_removal": True,
                "health_checks": [{
                    "timeout": f"{edge.probe_timeout:g}s",
                    "interval": f"{edge.probe_period:g}s",
                    "no_traffic_interval": f"{edge.probe_period:g}s",
                    "unhealthy_threshold": edge.probe_failures,
                    "healthy_threshold": 1,
                    "http_health_check": {"path": edge.probe["httpGet"]["path"]},
                }],
            }],
        },
        "node": {"id": "balancer", "cluster": "balancer"},
    }


def address(host, port):
    return {"socket_address": {"address": host, "port_value": port}}


def filter(name, type, configuration):
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/{type}", **configuration}}


def write_edges(path: pathlib.Path, addresses, port, admin_port):
    """Envoy notices a file that is moved to where another was."""
    endpoints = [
        {"endpoint": {"address": address(host, port), "health_check_config": {"port_value": admin_port}}}
        for host in addresses
    ]
    assignment = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": "edges",
        "endpoints": [{"lb_endpoints": endpoints}],
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"resources": [assignment]}))
    os.replace(fresh, path)
