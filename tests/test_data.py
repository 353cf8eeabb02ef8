"""The generated set, its cache, the loaders, and the download, against files and a server that the tests make."""

import gzip
import hashlib
import io
import itertools
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from source import data
from source.data import Dataset, as_rows, download_cifar10, generated_images, load_cifar10, load_fashion_mnist

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data._generated.cache_clear()
    yield tmp_path / "cache" / "training-neural-networks"
    data._generated.cache_clear()


def fingerprint(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
        digest.update(array.tobytes())
    return digest.hexdigest()


def refuse_to_draw(*_: Any) -> None:
    raise AssertionError("drawn again")


# --- The generated set


def test_the_generated_set_has_the_shapes_and_types_of_cifar10():
    dataset = generated_images(40, 20)
    assert dataset.x_train.shape == (40, 32, 32, 3)
    assert dataset.x_test.shape == (20, 32, 32, 3)
    assert dataset.x_train.dtype == dataset.x_test.dtype == np.uint8
    assert dataset.y_train.dtype == dataset.y_test.dtype == np.int64
    assert len(set(dataset.class_names)) == 10
    assert dataset.x_train.flags.c_contiguous


@pytest.mark.parametrize(("num_train", "num_test"), [(200, 50), (103, 7)])
def test_classes_are_balanced_and_shuffled(num_train, num_test):
    dataset = generated_images(num_train, num_test)
    for labels in (dataset.y_train, dataset.y_test):
        counts = np.bincount(labels, minlength=10)
        assert counts.max() - counts.min() <= 1
        assert (np.diff(labels) < 0).any()


def test_the_same_seed_gives_the_same_images_in_another_process_with_another_cache(tmp_path):
    program = "from test_data import *; print(fingerprint(generated_images(60, 20, 3)))"
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "other"),
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}",
    }
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == fingerprint(generated_images(60, 20, 3))


def test_another_seed_gives_other_images():
    assert fingerprint(generated_images(60, 20, 3)) != fingerprint(generated_images(60, 20, 4))


def test_no_image_stands_in_both_halves_or_twice():
    dataset = generated_images(300, 100)
    assert len(np.unique(as_rows(np.concatenate([dataset.x_train, dataset.x_test])), axis=0)) == 400


def test_the_same_arguments_give_the_same_object_however_they_are_passed():
    assert generated_images(30, 10, 1) is generated_images(seed=1, num_test=10, num_train=30)


def test_arrays_are_read_only_whether_drawn_or_read():
    for _ in range(2):
        dataset = generated_images(30, 10)
        for array in (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
        data._generated.cache_clear()


@pytest.mark.parametrize("arguments", [(-1, 10, 0), (10, -1, 0), (10, 10, -1)])
def test_negative_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="must not be negative, got num_train="):
        generated_images(*arguments)


def test_an_empty_half_is_possible():
    dataset = generated_images(10, 0)
    assert as_rows(dataset.x_test).shape == (0, 3072)


def train_and_test(dataset: Dataset, hidden: int, learning_rate: float, reg: float, epochs: int) -> float:
    """Return the test accuracy of a softmax classifier behind `hidden` ReLU units, or behind none if 0."""
    rng = np.random.default_rng(0)
    x_train, x_test = (as_rows(x).astype(np.float32) for x in (dataset.x_train, dataset.x_test))
    mean, std = x_train.mean(axis=0), x_train.std()
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std
    sizes = [3072, hidden, 10] if hidden else [3072, 10]
    pairs = itertools.pairwise(sizes)
    weights = [(rng.standard_normal(pair) * np.sqrt(2 / pair[0])).astype(np.float32) for pair in pairs]
    velocities = [np.zeros_like(w) for w in weights]
    steps = np.array_split(np.concatenate([rng.permutation(len(x_train)) for _ in range(epochs)]), epochs * 50)
    for step, batch in enumerate(steps):
        activations = [x_train[batch]]
        for w in weights[:-1]:
            activations.append(np.maximum(activations[-1] @ w, 0))
        scores = activations[-1] @ weights[-1]
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        dout = p / p.sum(axis=1, keepdims=True)
        dout[np.arange(len(batch)), dataset.y_train[batch]] -= 1
        for i in reversed(range(len(weights))):
            gradient = activations[i].T @ dout / len(batch) + reg * weights[i]
            dout = dout @ weights[i].T * (activations[i] > 0)
            velocities[i] = 0.9 * velocities[i] - learning_rate * (1 - step / len(steps)) * gradient
            weights[i] = weights[i] + velocities[i]
    out = x_test
    for w in weights[:-1]:
        out = np.maximum(out @ w, 0)
    return float(((out @ weights[-1]).argmax(axis=1) == dataset.y_test).mean())


def test_a_linear_model_reaches_about_35_and_a_two_layer_net_about_53_percent():
    dataset = generated_images()
    assert 0.30 <= train_and_test(dataset, 0, learning_rate=0.001, reg=0.3, epochs=6) <= 0.40
    assert 0.47 <= train_and_test(dataset, 100, learning_rate=0.01, reg=0.01, epochs=10) <= 0.60


def test_the_spectrum_falls_as_in_natural_images():
    x = as_rows(generated_images(1000, 0).x_train)
    singular_values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    shares = np.cumsum(singular_values**2) / np.sum(singular_values**2)
    assert shares[0] > 0.2
    assert shares[99] > 0.85


# --- Its cache


def test_what_is_on_disk_is_read_and_not_drawn_again(monkeypatch):
    first = fingerprint(generated_images(30, 10))
    data._generated.cache_clear()
    monkeypatch.setattr(data, "generate", refuse_to_draw)
    assert fingerprint(generated_images(30, 10)) == first


def test_the_cache_file_is_named_after_version_seed_and_sizes(cache):
    generated_images(30, 10, 5)
    assert [file.name for file in cache.iterdir()] == [f"generated-v{data.GENERATOR_VERSION}-seed5-30-10.npz"]


def flip_a_byte_in_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


def other_arrays(_: bytes) -> bytes:
    file = io.BytesIO()
    np.savez(file, x_train=np.zeros(3))
    return file.getvalue()


def arrays_of_objects(_: bytes) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{name: np.array([None]) for name in ("x_train", "y_train", "x_test", "y_test")})
    return file.getvalue()


def arrays_of_other_sizes(_: bytes) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{name: np.zeros((3, 2), np.uint8) for name in ("x_train", "y_train", "x_test", "y_test")})
    return file.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no archive at all",
        lambda content: content[: len(content) // 2],
        flip_a_byte_in_the_middle,
        other_arrays,
        arrays_of_objects,
        arrays_of_other_sizes,
    ],
    ids=["empty", "text", "half", "flipped", "other", "objects", "sizes"],
)
def test_a_damaged_cache_file_is_remade(cache, damage):
    first = fingerprint(generated_images(30, 10))
    (file,) = cache.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage(good))
    data._generated.cache_clear()
    assert fingerprint(generated_images(30, 10)) == first
    with np.load(file, allow_pickle=False) as arrays:
        assert arrays["x_train"].shape == (30, 32, 32, 3)
    assert list(cache.iterdir()) == [file]


def test_a_cache_folder_that_cannot_be_made_is_no_error(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(generated_images(30, 10).x_train) == 30
    assert capfd.readouterr() == ("", "")


def test_no_home_folder_is_no_error(monkeypatch):
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert len(generated_images(30, 10).x_train) == 30


def test_a_cache_home_that_is_not_absolute_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert data._cache_folder() == tmp_path / ".cache" / "training-neural-networks"


def test_a_disk_that_is_full_leaves_no_half_file(cache, monkeypatch):
    def fill_the_disk(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", fill_the_disk)
    assert len(generated_images(30, 10).x_train) == 30
    assert list(cache.iterdir()) == []


def test_as_rows_keeps_the_order_of_pixels_and_scales_to_one():
    images = np.zeros((2, 4, 5, 3), np.uint8)
    images[1, 2, 3, 1] = 255
    rows = as_rows(images)
    assert rows.shape == (2, 60)
    assert rows.dtype == np.float64
    assert np.flatnonzero(rows[1]).tolist() == [2 * 15 + 3 * 3 + 1]
    assert rows.max() == 1.0


# --- CIFAR-10


def python2_pickle(value: Any) -> bytes:
    """Write value in the opcodes of Python 2's protocol 2, where text is bytes: as the official files are."""
    if isinstance(value, bytes):
        return b"T" + struct.pack("<I", len(value)) + value
    if isinstance(value, bool):
        return b"I01\n" if value else b"I00\n"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, np.ndarray):
        made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + python2_pickle((0,)) + b"U\x01btR"
        kind = b"cnumpy\ndtype\n" + python2_pickle((value.dtype.str[1:].encode(), 0, 1)) + b"R"
        kind += b"(J\x03\x00\x00\x00U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffJ\x00\x00\x00\x00tb"
        shape, content = python2_pickle(value.shape), python2_pickle(value.tobytes())
        return made + b"(" + python2_pickle(1) + shape + kind + python2_pickle(False) + content + b"tb"
    if isinstance(value, dict):
        return b"(" + b"".join(python2_pickle(key) + python2_pickle(v) for key, v in value.items()) + b"d"
    return b"(" + b"".join(map(python2_pickle, value)) + (b"t" if isinstance(value, tuple) else b"l")


def python2_file(value: Any) -> bytes:
    return b"\x80\x02" + python2_pickle(value) + b"."


def python3_file(value: Any) -> bytes:
    return pickle.dumps(value, protocol=2)


NAMES = [b"airplane", b"automobile", b"bird", b"cat", b"deer", b"dog", b"frog", b"horse", b"ship", b"truck"]


def cifar10_rows(batch: int) -> np.ndarray:
    """Return two images: in the first, red is the row, green the column, blue the batch; the second is noise."""
    row, column = np.indices((32, 32), np.uint8)
    first = np.concatenate([row.ravel(), column.ravel(), np.full(1024, batch, np.uint8)])
    return np.stack([first, np.random.default_rng(batch).integers(0, 256, 3072, dtype=np.uint8)])


def cifar10_files(write=python2_file) -> dict[str, bytes]:
    """Return the seven files, in an order like that of the official archive, which is none."""
    files = {"batches.meta": write({b"num_cases_per_batch": 2, b"label_names": NAMES, b"num_vis": 3072})}
    for number in (4, 3, 6, 1, 5, 2):
        name = "test_batch" if number == 6 else f"data_batch_{number}"
        batch = {b"batch_label": name.encode(), b"labels": [number, 9], b"data": cifar10_rows(number)}
        files[name] = write({**batch, b"filenames": [b"a.png", b"b.png"]})
    return files


def write_folder(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(files: dict[str, bytes], path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        folder = tarfile.TarInfo("cifar-10-batches-py")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in {**files, "readme.html": b"<html>"}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def check_cifar10(dataset: Dataset) -> None:
    assert dataset.x_train.shape == (10, 32, 32, 3)
    assert dataset.x_test.shape == (2, 32, 32, 3)
    assert dataset.y_train.tolist() == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9]
    assert dataset.y_test.tolist() == [6, 9]
    assert dataset.y_train.dtype == np.int64
    assert dataset.x_train[4, 7, 21].tolist() == [7, 21, 3]
    assert dataset.x_test[0, 31, 0].tolist() == [31, 0, 6]
    noise = cifar10_rows(2)[1]
    assert dataset.x_train[3, 5, 6].tolist() == [noise[c * 1024 + 5 * 32 + 6] for c in range(3)]
    assert dataset.class_names == tuple(name.decode() for name in NAMES)
    assert not dataset.x_train.flags.writeable


@pytest.mark.parametrize("write", [python2_file, python3_file])
def test_cifar10_is_read_from_the_archive(tmp_path, write):
    check_cifar10(load_cifar10(write_archive(cifar10_files(write), tmp_path / "cifar-10-python.tar.gz")))


def test_cifar10_is_read_from_its_folder_and_from_the_folder_around_it(tmp_path):
    write_folder(cifar10_files(), tmp_path / "home" / "cifar-10-batches-py")
    check_cifar10(load_cifar10(tmp_path / "home" / "cifar-10-batches-py"))
    check_cifar10(load_cifar10(str(tmp_path / "home")))


def test_cifar10_is_read_from_the_folder_that_it_was_downloaded_to(tmp_path):
    write_archive(cifar10_files(), tmp_path / "cifar-10-python.tar.gz")
    check_cifar10(load_cifar10(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["cifar-10-python.tar.gz"]


def one_line(error: pytest.ExceptionInfo[Exception], *parts: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


class Trap:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize(
    ("function", "name"), [(os.mkdir, "mkdir"), (eval, "eval"), (np.load, "load"), (np.fromfile, "fromfile")]
)
def test_a_hostile_pickle_is_refused_and_does_not_run(tmp_path, function, name, protocol):
    harm = tmp_path / "harm"
    argument = f"__import__('os').mkdir({str(harm)!r})" if function is eval else str(harm)
    trap = pickle.dumps({b"labels": [1, 9], b"data": Trap(function, argument)}, protocol=protocol)
    folder = write_folder({**cifar10_files(), "data_batch_2": trap}, tmp_path / "cifar-10-batches-py")
    with pytest.raises(ValueError, match="only arrays are let in") as error:
        load_cifar10(folder)
    one_line(error, "data_batch_2", name)
    assert not harm.exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.95, 0.999])
def test_a_truncated_archive_gives_one_clear_error(tmp_path, share):
    archive = write_archive(cifar10_files(), tmp_path / "cifar-10-python.tar.gz")
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="cut short") as error:
        load_cifar10(archive)
    one_line(error, str(archive), "source.data.download_cifar10")


def test_a_truncated_batch_gives_one_clear_error(tmp_path):
    files = cifar10_files()
    folder = write_folder({**files, "test_batch": files["test_batch"][:-2000]}, tmp_path / "batches")
    with pytest.raises(ValueError, match="test_batch is not as CIFAR-10 has it") as error:
        load_cifar10(folder)
    one_line(error, str(folder))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({b"labels": [1, 2], b"data": np.zeros((2, 3000), np.uint8)}, "expected 2 rows of 3072 bytes, got (2, 3000)"),
        ({b"labels": [1], b"data": np.zeros((2, 3072), np.uint8)}, "expected 1 rows of 3072 bytes, got (2, 3072)"),
        ({b"labels": [1, 2], b"data": np.zeros((2, 3072), np.int16)}, "of type b'i2'"),
        ({b"labels": [1, 10], b"data": np.zeros((2, 3072), np.uint8)}, "expected labels from 0 to 9, got 1 to 10"),
        ({b"data": np.zeros((2, 3072), np.uint8)}, "labels"),
        ([1, 2, 3], "TypeError"),
    ],
)
def test_a_batch_that_holds_something_else_is_refused(tmp_path, batch, message):
    folder = write_folder({**cifar10_files(), "data_batch_5": python2_file(batch)}, tmp_path / "batches")
    with pytest.raises(ValueError, match="data_batch_5 is not as CIFAR-10 has it") as error:
        load_cifar10(folder)
    one_line(error, message)


@pytest.mark.parametrize("write", [write_folder, write_archive])
def test_missing_files_of_cifar10_are_named(tmp_path, write):
    files = {name: content for name, content in cifar10_files().items() if name not in ("data_batch_3", "batches.meta")}
    with pytest.raises(FileNotFoundError, match=r"without data_batch_3, batches\.meta") as error:
        load_cifar10(write(files, tmp_path / "cifar10"))
    one_line(error, "source.data.download_cifar10")


def test_a_path_that_does_not_exist_says_how_to_get_cifar10(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder") as error:
        load_cifar10(tmp_path / "nowhere")
    one_line(error, str(tmp_path / "nowhere"), "source.data.download_cifar10")


# --- The download


class Server(BaseHTTPRequestHandler):
    content: ClassVar[bytes]
    promised: ClassVar[int]
    requests: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_response(200 if self.path == "/cifar" else 404)
        self.send_header("Content-Length", str(self.promised))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Server]]:
    Server.content = write_archive(cifar10_files(), tmp_path / "original").read_bytes()
    Server.promised, Server.requests = len(Server.content), []
    with HTTPServer(("127.0.0.1", 0), Server) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(data, "CIFAR10_URL", f"http://127.0.0.1:{http.server_port}/cifar")
        monkeypatch.setattr(data, "CIFAR10_SHA256", hashlib.sha256(Server.content).hexdigest())
        yield Server
        http.shutdown()
        thread.join()


def test_a_download_with_the_right_checksum_is_kept_loads_and_shows_progress(tmp_path, server, capfd):
    archive = download_cifar10(tmp_path / "new" / "folder")
    assert archive == tmp_path / "new" / "folder" / "cifar-10-python.tar.gz"
    assert list(archive.parent.iterdir()) == [archive]
    check_cifar10(load_cifar10(archive))
    out, err = capfd.readouterr()
    assert out == ""
    assert "cifar-10-python.tar.gz: 0 of 0 MB" in err


def test_an_archive_that_is_there_already_is_not_downloaded_again(tmp_path, server):
    download_cifar10(tmp_path)
    download_cifar10(str(tmp_path))
    assert server.requests == ["/cifar"]


def test_an_archive_that_is_damaged_is_downloaded_again(tmp_path, server):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"half")
    check_cifar10(load_cifar10(download_cifar10(tmp_path)))


def test_a_wrong_checksum_leaves_nothing_behind_and_says_so(tmp_path, server, monkeypatch):
    monkeypatch.setattr(data, "CIFAR10_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="Nothing is kept") as error:
        download_cifar10(tmp_path / "folder")
    one_line(error, "0" * 64, hashlib.sha256(server.content).hexdigest())
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_transfer_that_breaks_off_leaves_nothing_behind(tmp_path, server):
    server.content = server.content[:-1000]
    with pytest.raises((ValueError, OSError), match="/cifar: ") as error:
        download_cifar10(tmp_path / "folder")
    one_line(error, "try again")
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_server_that_does_not_have_it_is_one_clear_error(tmp_path, server, monkeypatch):
    monkeypatch.setattr(data, "CIFAR10_URL", data.CIFAR10_URL.replace("/cifar", "/gone"))
    with pytest.raises(OSError, match="404") as error:
        download_cifar10(tmp_path / "folder")
    one_line(error, "/gone", str(tmp_path / "folder"))
    assert list((tmp_path / "folder").iterdir()) == []


# --- Fashion-MNIST


def idx(array: np.ndarray, magic: int | None = None) -> bytes:
    header = struct.pack(f">{array.ndim + 1}I", magic or 0x800 + array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def fashion_files() -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    files = {}
    for part, n in (("train", 20), ("t10k", 10)):
        images = rng.integers(0, 256, (n, 28, 28))
        images[1, 2] = np.arange(28)
        files[f"{part}-images-idx3-ubyte"] = idx(images)
        files[f"{part}-labels-idx1-ubyte"] = idx(np.arange(n) % 10)
    return files


def zipped(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


@pytest.mark.parametrize("pack", [dict, zipped])
def test_fashion_mnist_is_read_plain_and_gzipped(tmp_path, pack):
    dataset = load_fashion_mnist(write_folder(pack(fashion_files()), tmp_path / "fashion"))
    assert dataset.x_train.shape == (20, 28, 28, 1)
    assert dataset.x_test.shape == (10, 28, 28, 1)
    assert dataset.x_train.dtype == np.uint8
    assert dataset.x_train[1, 2, :, 0].tolist() == list(range(28))
    assert dataset.y_test.tolist() == list(range(10))
    assert dataset.y_test.dtype == np.int64
    assert dataset.class_names[9] == "ankle boot"
    assert len(dataset.class_names) == 10
    assert not dataset.x_train.flags.writeable


IMAGES, LABELS = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
ZEROS = np.zeros((20, 28, 28))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, idx(ZEROS, magic=0x801), "expected magic number 00000803, got 00000801"),
        (IMAGES, b"\0\0\x08\x03\0", "cut short"),
        (IMAGES, b"", "cut short"),
        (IMAGES, idx(ZEROS)[:-5], "expected 20 × 28 × 28 values, got 15675"),
        (IMAGES, idx(ZEROS) + b"\0", "expected 20 × 28 × 28 values, got 15681"),
        (IMAGES, idx(ZEROS[:7]), "expected images (20, 28, 28) for 20 labels in train, got (7, 28, 28)"),
        (IMAGES, idx(np.zeros((20, 32, 32))), "got (20, 32, 32)"),
        (LABELS, idx(np.arange(10) + 1), "expected t10k labels from 0 to 9, got 10"),
    ],
)
def test_a_wrong_idx_file_gives_one_clear_error(tmp_path, name, content, message):
    folder = write_folder({**fashion_files(), name: content}, tmp_path / "fashion")
    with pytest.raises(ValueError, match="dataset-fashion-mnist") as error:
        load_fashion_mnist(folder)
    one_line(error, str(folder), message)


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-10], lambda content: b"no gzip at all", lambda content: b""]
)
def test_a_damaged_gzip_file_gives_one_clear_error(tmp_path, damage):
    files = zipped(fashion_files())
    folder = write_folder({**files, f"{LABELS}.gz": damage(files[f"{LABELS}.gz"])}, tmp_path / "fashion")
    with pytest.raises(ValueError, match="cut short") as error:
        load_fashion_mnist(folder)
    one_line(error, f"{LABELS}.gz")


def test_a_missing_idx_file_is_named(tmp_path):
    files = fashion_files()
    del files[LABELS]
    with pytest.raises(FileNotFoundError, match=LABELS) as error:
        load_fashion_mnist(write_folder(files, tmp_path / "fashion"))
    one_line(error, f"{LABELS}.gz", "dataset-fashion-mnist")
