"""What `make compat` lays under the settings of nbgrader's own tests: our engine and pages, no folders of ours."""

from pathlib import Path

from traitlets.config.loader import PyFileConfigLoader

c = get_config()  # noqa: F821

course = PyFileConfigLoader("nbgrader_config.py", path=str(Path(__file__).resolve().parents[3])).load_config()
for part in ("Autograde", "GenerateAssignment", "GenerateFeedback", "HTMLExporter"):
    c[part].merge(course[part])
