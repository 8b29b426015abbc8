"""Static files as they are served: packed, and named by their content, so that browsers keep them for ever."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Scripts that import each other do so by these names too."""

    support_js_module_import_aggregation = True
