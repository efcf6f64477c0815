from __future__ import annotations

import os
from pathlib import Path

import pytest

from foretell.exceptions import StudyError
from foretell.studies.outputs import make_folder


def test_a_folder_that_cannot_be_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"file: cannot hold a run: .*Choose another"):
        make_folder(tmp_path / "file")
    with pytest.raises(StudyError, match="cannot hold a run"):
        make_folder(tmp_path / "file" / "below")
    assert make_folder(tmp_path / "new" / "run").is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StudyError, match="Permission denied"):
        make_folder(tmp_path)
