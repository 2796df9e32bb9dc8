"""Look into the observation interactively: in a notebook, or on a page of its own."""

from workbench.explore.explorer import Explorer
from workbench.explore.open import explore
from workbench.explore.views import View, views
from workbench.verbs import make_verb

__all__ = ["Explorer", "View", "explore", "views"]

make_verb(__name__)  # so that wb.explore(…) is the verb
