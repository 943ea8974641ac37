"""What check and picture share: the dashboard's panels, and a Prometheus to ask for what they show."""
import json
import pathlib
import urllib.error
import urllib.parse
import urllib.request

PANELS = json.loads(pathlib.Path(__file__).with_name("flow-edge.json").read_text())["panels"]


def fill(expr):
    """The expression with the variables as they are when the dashboard is opened: every endpoint, every instance."""
    return expr.replace("$endpoint", ".*").replace("$instance", ".*").replace("$__rate_interval", "1m").replace("$__range", "3h")


def ask(url, path, **parameters):
    """The series that Prometheus answers with. What it says against a query is an error."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{parameters.get('query')}: {json.load(error).get('error')}") from error
