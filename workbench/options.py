"""The options of the command line that several verbs share, each with its help, once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import MOST_SEED, whole
from workbench.screen import say

if TYPE_CHECKING:
    from workbench.data import Dataset

Model = Annotated[
    str,
    typer.Argument(
        help="zoo:fashion-mnist/standard-at, a weights file with --arch, a TorchScript, "
        "torch.export or ONNX file, robustbench:Linf/NAME, timm:NAME or hf:NAME."
    ),
]
Arch = Annotated[
    str | None,
    typer.Option(help="Architecture of a weights file: small-cnn, package.module:factory, …"),
]
Weights = Annotated[
    str | None,
    typer.Option(help="Which state dict of a checkpoint that holds several: ema, ema.shadow, …"),
]
Mean = Annotated[
    str | None,
    typer.Option(
        help="The model takes (x − mean) / std: 0.5, or one for each channel, as 0.4,0.5,0.6."
    ),
]
Std = Annotated[str | None, typer.Option(help="Standard deviations, as --mean.")]
Channels = Annotated[str, typer.Option(help="Order of channels that the model takes: rgb or bgr.")]
ClassMap = Annotated[
    str | None, typer.Option(help="The model's output for each class of the data, as 3,1,2,0.")
]
Data = Annotated[
    str, typer.Option(help="A known data set (workbench data list), an .npz file or a folder.")
]
Norm = Annotated[str, typer.Option(help="Norm of the threat model: Linf or L2.")]
Eps = Annotated[str, typer.Option(help="Budget ε in pixel units [0, 1], as 8/255 or 0.1.")]
Attacks = Annotated[
    str,
    typer.Option(help="Names with commas between: fgsm, pgd-40, cascade, autoattack, cw, …"),
]
Samples = Annotated[
    int | None, typer.Option(min=1, help="The first so many test samples.", show_default="1000")
]
FitSamples = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Training samples that the critics are fitted to.",
        show_default="10000, or all there are",
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of every random number.")]
BatchSize = Annotated[
    int, typer.Option(min=1, help="Samples per stored unit of work; also AutoAttack's batch.")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps; auto takes the fastest.")]
Workers = Annotated[
    int, typer.Option(min=1, help="Processes that compute: one thread each, or one GPU each.")
]
UsualWorkers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that compute: one thread each, or one GPU each.",
        show_default="a core each, at most 16; or a GPU each",
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(help="A Dask cluster that computes instead, as tcp://node7:8786.")
]
StoreFolder = Annotated[
    Path, typer.Option("--store", envvar="WORKBENCH_STORE", help="Folder of the results.")
]
ProfileName = Annotated[
    str, typer.Option(help="demo, fashion-mnist, …, or the path of a .toml file.")
]
FiguresFolder = Annotated[
    Path | None,
    typer.Option(
        "--figures",
        help="Folder that figures and tables are written to.",
        show_default="figures/PROFILE",
    ),
]
FigureStyle = Annotated[
    str,
    typer.Option(
        help="Where figures go: icml (the page), icml-column, neurips, slides, slides-dark; "
        "icml-column:width=3.5 (inches)."
    ),
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Write the result to this file too; - prints it.")
]

DEFAULT_SAMPLES = 1000
DEFAULT_STORE = Path(".workbench")
DEFAULT_STYLE = "icml"


def figures_folder(chosen: Path | str | None, profile: str) -> Path:
    """Where the figures of a profile go, unless a folder is named: one for each profile's name.

    >>> figures_folder(None, "my/profile.toml").as_posix()
    'figures/profile'
    """
    return Path(chosen) if chosen is not None else Path("figures", Path(profile).stem)


def chosen_samples(asked: int | None, data: "Dataset") -> int:
    """How many samples are looked at: DEFAULT_SAMPLES, or all where there are fewer, if not told.

    A user's file that is sorted by class has one or few in its first samples: that is told.
    Raises InputError for what is no number of samples.
    """
    samples = min(DEFAULT_SAMPLES, len(data)) if asked is None else whole(asked, "samples", 1)
    if (found := data.classes_in(0, samples)) < min(len(data.classes), samples):
        say(f"warning: the first {samples} samples hold {found} of {len(data.classes)} classes")
    return samples
