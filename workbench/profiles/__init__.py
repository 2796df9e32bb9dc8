"""Profiles: everything a run needs, validated, from a TOML file."""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from workbench.attacks import attack, complete_attack, label
from workbench.defenses import NAMID, defense
from workbench.defenses.recipe import Recipe
from workbench.errors import MOST_SEED, InputError
from workbench.information import objective, objective_label
from workbench.models.load import ZOO
from workbench.specs import (
    UNIT_SIZE,
    CriticAttackRun,
    EvaluationRun,
    InformationRun,
    TransferRun,
)
from workbench.threat import ThreatModel

FOLDER = Path(__file__).parent
TRAINED = "trained"  # in the place of a list of models
COMPARED = tuple(
    f"{name}:stop_at_success=false" for name in ("pgd-10", "pgd-40", "apgd-ce", "fwa-10", "fwa-40")
)
T = TypeVar("T")
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Threat(_Frozen):
    """A norm and an ε that make a threat model."""

    norm: str
    eps: str

    @property
    def threat(self) -> ThreatModel:
        """The threat model."""
        return ThreatModel(self.norm, self.eps)

    @model_validator(mode="after")
    def _makes_a_threat(self) -> Self:
        _ = self.threat
        return self


class Model(_Frozen):
    """A model to measure.

    reference, arch: as load_model takes them; the architecture is needed for a weights file.
    name: in tables and figures; the reference's last part unless given.
    """

    reference: str
    arch: str | None = None
    name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, content: Any) -> Any:
        return {"reference": content} if isinstance(content, str) else content

    @property
    def title(self) -> str:
        """What tables and figures call it."""
        file = Path(self.reference)
        return self.name or (file.name if self.reference.startswith(ZOO) else file.stem)


class Battery(_Threat):
    """A threat model and the attacks that are run under it."""

    attacks: tuple[str, ...] = Field(min_length=1)

    @field_validator("attacks")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        labels = [label(attack(name)) for name in names]
        return tuple(_unique(labels))


class Information(_Threat):
    """How mutual information is estimated.

    attack: makes the adversarial samples. samples: test samples that are scored. fit_samples:
    training samples that the critics are fitted to. critic_seeds: one pair of critics each.
    objective: what the critics of mi_distribution maximise; other analyses have Eq. 4's, or all.
    compared: attacks whose samples' standard MI is compared.
    """

    attack: str
    samples: int = Field(ge=2)
    fit_samples: int = Field(ge=2)
    critic_seeds: tuple[Seed, ...] = Field(min_length=1)
    objective: str = "mim"
    compared: tuple[str, ...] = Field(COMPARED, min_length=1)

    @field_validator("critic_seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(_unique(seeds))

    @field_validator("attack")
    @classmethod
    def _known(cls, name: str) -> str:
        complete_attack(name)
        return name

    @field_validator("compared")
    @classmethod
    def _all_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        labels = [label(complete_attack(name)) for name in names]
        return tuple(_unique(labels))

    @field_validator("objective")
    @classmethod
    def _fits(cls, name: str) -> str:
        return objective_label(objective(name))


class Training(_Threat):
    """Models to train under one threat model, one for each defense and seed.

    defenses: recipes' defenses by the models' names, or a list of both; a model is called
    NAME+suffix@SEED. base: the name of the defense whose model is h_θ0 where one is needed, of the
    same suffix and seed. role: the list of the profile that they belong to. recipe: other settings
    of all recipes (see defenses.recipe.Recipe). namid: settings of every NAMID among the defenses,
    such as "alpha=1,warmup=0.3"; those in a defense's own text go before.
    """

    arch: str
    defenses: dict[str, str] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    suffix: str = ""
    base: str = "standard-at"
    role: Literal["models", "variants", "surrogates"] = "models"
    recipe: dict[str, Any] = {}
    namid: str = ""

    @field_validator("defenses", mode="before")
    @classmethod
    def _named_alike(cls, defenses: Any) -> Any:
        names = isinstance(defenses, list) and all(isinstance(name, str) for name in defenses)
        return {name: name for name in defenses} if names else defenses

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(_unique(seeds))

    def titles(self) -> list[str]:
        """The models' names, seeds of a defense together, and those of epochs that are kept."""
        return [t for name, recipe in self.recipes("").items() for t in recipe.stages(name)]

    def recipes(self, data: str) -> dict[str, Recipe]:
        """The recipes by the models' names. Raises InputError for settings that make none."""
        return {
            f"{name}{self.suffix}@{seed}": self._recipe(text, data, seed)
            for name, text in self.defenses.items()
            for seed in self.seeds
        }

    def _recipe(self, text: str, data: str, seed: int) -> Recipe:
        text = self._with_settings(text)
        based = defense(text).fitted or self.recipe.get("start") == "base"
        base = f"{self.base}{self.suffix}@{seed}" if based else ""
        own = text, data, self.arch, self.norm, self.eps
        try:
            return Recipe(*own, seed=seed, base=base, **self.recipe)
        except (TypeError, AttributeError) as error:
            raise InputError(f"a recipe cannot be made of {self.recipe} ({error})") from None

    def _with_settings(self, text: str) -> str:
        """A defense's text with the settings that all NAMID have here, where it is one."""
        name, _, own = text.partition(":")
        if not isinstance(defense(text), NAMID):
            return text
        settings = ",".join(filter(None, (self.namid, own)))  # of one named twice, the last counts
        return f"{name}:{settings}" if settings else name


class Profile(_Frozen):
    """What a run measures, and which analyses it draws.

    data: name of a data set. trainings: the models that `workbench train --profile` makes.
    recipe, namid: settings of all their recipes and NAMIDs, unless a training has its own.
    models: references, or tables of reference, arch and name; "trained" stands for all that are
    trained here in this role, as the zoo has them.
    variants: models that only those analyses compare which look for them by name.
    samples: test samples that are attacked. seed: of every random number.
    threats, transfers: attacks on each model, and those that are shown to the other models too.
    surrogates: models that are attacked for transfer only; "trained" as above.
    analyses: modules of `analyses`.
    unit_size: samples per stored unit of work, and AutoAttack's batch.
    """

    data: str
    recipe: dict[str, Any] = {}
    namid: str = ""
    trainings: tuple[Training, ...] = ()
    models: tuple[Model, ...] = Field(min_length=1)
    variants: tuple[Model, ...] = ()
    samples: int = Field(ge=1)
    seed: Seed = 0
    unit_size: int = Field(default=UNIT_SIZE, ge=1)
    threats: tuple[Battery, ...] = Field(min_length=1)
    transfers: tuple[Battery, ...] = ()
    surrogates: tuple[Model, ...] = ()
    information: Information
    analyses: tuple[str, ...] = Field(min_length=1)

    @field_validator("trainings", mode="before")
    @classmethod
    def _with_recipe(cls, trainings: Any, info: ValidationInfo) -> Any:
        recipe, namid = info.data.get("recipe", {}), info.data.get("namid", "")
        if not isinstance(trainings, list | tuple):
            return trainings
        return [
            {"namid": namid, **one, "recipe": recipe | one.get("recipe", {})}
            if isinstance(one, dict) and isinstance(one.get("recipe", {}), dict)
            else one
            for one in trainings
        ]

    @field_validator("models", "variants", "surrogates", mode="before")
    @classmethod
    def _trained(cls, models: Any, info: ValidationInfo) -> Any:
        if models != TRAINED:
            return models
        data, trainings = info.data.get("data", ""), info.data.get("trainings", ())
        return [
            f"{ZOO}{data}/{title}"
            for training in trainings
            if training.role == info.field_name
            for title in training.titles()
        ]

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        _unique([model.title for model in (*self.models, *self.variants, *self.surrogates)])
        _unique([str(battery.threat) for battery in self.threats])
        _unique([str(battery.threat) for battery in self.transfers])
        _unique([name for training in self.trainings for name in training.recipes(self.data)])
        return self

    def evaluation(
        self, model: Model, threat: Battery | Information, attacks: tuple[str, ...]
    ) -> EvaluationRun:
        """The run of some attacks on one model, under the threat model of a part of the profile."""
        return EvaluationRun(
            model.reference,
            model.arch,
            model.title,
            self.data,
            threat.norm,
            threat.eps,
            attacks,
            self.samples,
            self.seed,
            self.unit_size,
        )

    def transfer(
        self, source: Model, target: Model, battery: Battery, attacks: tuple[str, ...]
    ) -> TransferRun:
        """The run of some attacks on the source, shown to the target."""
        shown = vars(self.evaluation(target, battery, attacks))
        return TransferRun(
            **shown, source=source.reference, source_arch=source.arch, source_name=source.title
        )

    def estimation(self, model: Model, critic_seed: int, **others: Any) -> InformationRun:
        """The run of one model's MI as information asks, with critics of a seed.

        others: fields of an InformationRun that are to be other ones.
        """
        wanted = self.information
        run = InformationRun(
            model=model.reference,
            arch=model.arch,
            name=model.title,
            data=self.data,
            norm=wanted.norm,
            eps=wanted.eps,
            attack=wanted.attack,
            samples=wanted.samples,
            fit_samples=wanted.fit_samples,
            seed=self.seed,
            critic_seed=critic_seed,
            unit_size=self.unit_size,
        )
        return replace(run, **others)

    def critic_attack(
        self, model: Model, critic_seed: int, attacks: tuple[str, ...]
    ) -> CriticAttackRun:
        """The same under attacks that know the critics, too."""
        return CriticAttackRun(**vars(self.estimation(model, critic_seed)), attacks=attacks)


def _unique(values: Sequence[T]) -> Sequence[T]:
    """The values, where no two are equal. Raises ValueError: a table would count them twice."""
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise ValueError(f"{twice[0]} stands there twice; give each a name of its own")
    return values


def names() -> list[str]:
    """The profiles that come along."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_profile(name: str) -> Profile:
    """A profile by its name, or from a TOML file.

    Raises InputError for an unknown name and for each bad or missing entry, named.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        return Profile.model_validate(tomllib.loads(path.read_text()))
    except FileNotFoundError:
        known = ", ".join(names())
        raise InputError(f"no profile {name!r}; use one of {known}, or a .toml file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"profile {path} is not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"profile {path}, entry {where}: {first['msg']}") from None
