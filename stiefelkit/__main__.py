"""The command line: `stiefelkit train`, `predict`, `reproduce` and `info`."""

import argparse
import sys

from . import __version__, _commands


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; wrong input is answered in one line."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, TypeError, OSError, ModuleNotFoundError, ArithmeticError) as error:
        print(f"stiefelkit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stiefelkit: interrupted; the last complete checkpoint is kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stiefelkit", description="Orthogonal matrices, and recurrent networks made of them."
    )
    parser.add_argument("--version", action="version", version=f"stiefelkit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_predict(commands)
    _add_reproduce(commands)
    info = commands.add_parser("info", help="versions, usable libraries and devices, kernels")
    info.set_defaults(run=_commands.info)
    return parser


def _add_train(commands) -> None:
    train = commands.add_parser(
        "train",
        help="train a recurrent network",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Train a recurrent network on a task. Writes metrics.jsonl, curves.png, last.npz and\n"
            "best.npz to the folder of --out."
        ),
        epilog=_commands.describe_defaults(),
    )
    add = train.add_argument
    add("task", nargs="?", metavar="TASK", help=_commands.describe_tasks())
    add(
        "--data",
        metavar="FILE",
        help="sequences of an .npz file to learn instead, or the folder of a task",
    )
    add("--cell", choices=sorted(_commands.CELLS), help="kind of cell")
    add(
        "--parametrization",
        metavar="NAME",
        default="CWY",
        help=f"how the matrix is kept orthogonal: {', '.join(_commands.matrix_names())}",
    )
    add("--activation", metavar="NAME", help=", ".join(_commands.names(_commands.ACTIVATIONS)))
    starts = ["rotation", "cayley", "haar", "identity"]
    add("--start", choices=starts, help="initial recurrent matrix")
    add(
        "--rebase-every",
        type=int,
        metavar="K",
        help="updates between moves of the base of a trivialization, 0 for none",
    )
    add("--hidden-size", type=int, metavar="N")
    add("--input-scale", type=float, metavar="X", help="spread of the initial input weights")
    _add_course(train)
    train.set_defaults(run=_commands.train)


def _add_course(train) -> None:
    """Add the options of how, where and for how long to train."""
    add = train.add_argument
    rules = ", ".join(sorted([*_commands.OPTIMIZERS, *_commands.TRAINERS]))
    add("--optimizer", metavar="NAME", help=rules)
    add("--learning-rate", type=float, metavar="X", help="of the free parameters")
    add("--orthogonal-learning-rate", type=float, metavar="X", help="of the recurrent matrix")
    add("--schedule", choices=["cosine", "constant"], help="of the learning rates")
    add("--clip", type=float, metavar="X", help="bound on the norm of the gradient, 0 for none")
    add("--epochs", type=int, metavar="N")
    add("--batch-size", type=int, metavar="N")
    add("--length", type=int, metavar="T", help="of copying, adding and pieces of text")
    add("--fold", type=int, default=0, metavar="K", help="held-out fold of the digits, 0 to 4")
    add("--patience", type=int, metavar="N", help="stop after N epochs without improvement")
    _add_arrays(train)
    add("--out", metavar="FOLDER", help="runs/TASK if left out")
    add("--resume", metavar="CHECKPOINT", help="go on from a last.npz of the same settings")


def _add_arrays(command) -> None:
    """Add the options of the arrays to compute with, and the seed."""
    add = command.add_argument
    add("--backend", metavar="NAME", default="numpy", help="array library, as `info` lists them")
    add("--device", metavar="NAME", help="as `info` lists them")
    add(
        "--dtype", default="float32", metavar="NAME", help="float32, float64, complex64, complex128"
    )
    add("--seed", type=int, default=0, metavar="N")


def _add_predict(commands) -> None:
    predict = commands.add_parser("predict", help="apply a trained network")
    predict.add_argument("checkpoint", metavar="CHECKPOINT", help="a best.npz or last.npz")
    predict.add_argument("file", metavar="FILE", help="an .npz with `inputs` and maybe `mask`")
    predict.add_argument("--out", metavar="FILE", help="write an .npz instead of lines of text")
    predict.set_defaults(run=_commands.predict)


def _add_reproduce(commands) -> None:
    known = "; ".join(
        f"{name}: {', '.join(part.name for part in experiment.parts)}"
        for name, experiment in _commands.EXPERIMENTS.items()
    )
    reproduce = commands.add_parser(
        "reproduce",
        help="repeat the experiments of the papers",
        description=(
            "Repeat the experiments of a paper: measure its parts, write report.md with tables and "
            "pictures, print PASS or FAIL for every named figure, and exit with 1 if one failed. "
            "Parts that the folder has already are not measured again, so that an interrupted run "
            f"goes on. The parts are {known}."
        ),
    )
    add = reproduce.add_argument
    add("experiment", metavar="NAME", help=", ".join(_commands.EXPERIMENTS))
    add("--quick", action="store_true", help="small, of fixed size, in less than a minute")
    add("--part", action="append", metavar="PART", help="measure this part again, and no other")
    _add_arrays(reproduce)
    add("--out", metavar="FOLDER", help="runs/NAME if left out, runs/NAME-quick with --quick")
    reproduce.set_defaults(run=_commands.reproduce)


if __name__ == "__main__":
    sys.exit(main())
