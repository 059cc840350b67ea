"""The BentoML service: `bentoml serve serving.service:Vouch` serves the same API as `vouch serve`.

Under BentoML's own server every request passes its middleware, and `/healthz`, `/readyz` and
`/metrics` are BentoML's. `vouch serve` puts the API first, and pays for BentoML on `/inference`
only.
"""

from pipelines.settings import Settings
from serving.app import create_app
from serving.inference import Guarded
from serving.on_demand import service_of

api = create_app(Settings(), with_inference=False)
Vouch = service_of(api)
Vouch.add_asgi_middleware(Guarded, api=api)
Vouch.mount_asgi_app(api, path="/")
