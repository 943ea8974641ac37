"""Volumes of Secrets and ConfigMaps as kubelet writes them: `..data` points to a folder, and is swapped as a whole."""
import itertools
import os


class Volume:
    def __init__(self, folder, files):
        self.folder, self._numbers = folder, itertools.count(1)
        folder.mkdir(parents=True)
        self.replace(files)

    def replace(self, files):
        data = self.folder / f"..{next(self._numbers)}"
        data.mkdir()
        for name, content in files.items():
            (data / name).write_bytes(content)
        link = self.folder / "..data_tmp"
        link.symlink_to(data.name)
        os.replace(link, self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        for path in self.folder.iterdir():
            if not path.name.startswith("..") and path.name not in files:
                path.unlink()
