"""The models of a profile, those too that are yet to be trained."""

import copy
from functools import cache

from workbench.models import Classifier, build, load_model, zoo
from workbench.models.load import ZOO
from workbench.profiles import Profile
from workbench.published import BASELINE
from workbench.tables import named


class StandIns:
    """Models by their references, with stand-ins for those that are yet to be trained."""

    def __init__(self, profile: Profile, retrain: bool) -> None:
        self._archs = {
            f"{ZOO}{profile.data}/{title}": part.arch
            for part in profile.trainings
            for title in part.titles()
        }
        self._retrain = retrain
        self.load = cache(self._load)

    def has(self, reference: str) -> bool:
        """Whether a model is there and stays as it is."""
        if reference not in self._archs:
            return True
        return not self._retrain and zoo.has(reference.removeprefix(ZOO))

    def _load(
        self,
        reference: str,
        arch: str | None,
        device: str,
        shape: tuple[int, int, int],
        classes: int,
    ) -> Classifier:
        if self.has(reference):
            return load_model(reference, arch, device, shape, classes)
        folder, _, title = reference.removeprefix(ZOO).rpartition("/")
        own = self._archs[reference]
        for defense in (named(title)[0], BASELINE):
            nearest = f"{folder}/{defense}"
            if zoo.has(nearest) and zoo.card(nearest)["architecture"] == own:
                found = load_model(f"{ZOO}{nearest}", None, device)
                return Classifier(copy.deepcopy(found.net), reference)
        return Classifier(build(own, shape, classes).to(device), reference)
