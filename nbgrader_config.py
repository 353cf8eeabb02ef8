"""Where nbgrader finds the course, and what it runs: the folders and the engine, nothing else."""

import os

import autograder

c = get_config()  # noqa: F821

root = os.path.dirname(os.path.abspath(__file__))

c.CourseDirectory.root = root
c.CourseDirectory.course_id = "training_neural_networks"
c.CourseDirectory.source_directory = "notebooks"
c.CourseDirectory.release_directory = "classroom/release"
c.CourseDirectory.submitted_directory = "classroom/submitted"
c.CourseDirectory.autograded_directory = "classroom/autograded"
c.CourseDirectory.feedback_directory = "classroom/feedback"
c.CourseDirectory.solution_directory = "classroom/solution"
c.CourseDirectory.db_url = f"sqlite:///{root}/classroom/gradebook.db"
c.ExportPlugin.to = f"{root}/classroom/grades.csv"
c.ZipCollectApp.downloaded_directory = "classroom/downloaded"
c.NbGrader.logfile = ""

# The stub that a student finds in place of a solution; running it says what to do.
c.ClearSolutions.code_stub = {
    "python": "# YOUR CODE HERE\n"
    'raise NotImplementedError("not written yet: replace these two lines; the docstring says what to return")'
}

c.GenerateAssignment.post_convert_hook = "autograder.plugin.complete_bundle"

c.Autograde.exporter_class = "autograder.plugin.ClassExporter"  # a class is graded on all cores
c.Autograde.sanitize_preprocessors = [
    "autograder.plugin.RestoreCells",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.plugin.Grade",  # in the place of nbgrader's Execute
    "nbgrader.preprocessors.IgnorePattern",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",  # students must not read them here
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]

# What a submission may use, and the walls around it: autograder/sandbox/limits.py lists them, and each can be set here,
# as in c.Limits.cell_timeout_s = 20.0

# Markdown is shown, in formgrader and on feedback pages, without running what a student put into it.
c.HTMLExporter.filters = {"markdown2html": "autograder.pages.markdown2html"}
c.GenerateFeedback.exporter_class = "autograder.pages.FeedbackExporter"

# Formgrader's MathJax comes from the server itself: nbconvert looks for a template here before it takes its own, which
# asks the network.
templates = os.path.join(os.path.dirname(autograder.__file__), "jupyter")
searched = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
if templates not in searched:
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [templates, *searched]))
