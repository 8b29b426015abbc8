"""The OpenAPI document, for whoever has logged in."""

from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView

from dashboard.api.authentication import Sessions, Tokens


class Schema(SpectacularAPIView):
    """GET: JSON, or YAML where that is asked for."""

    authentication_classes = [Tokens, Sessions]
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2]
    http_method_names = ["get", "head"]
