"""What went wrong, named from evidence."""

from foretell.studies.diagnose.diagnosing import diagnose
from foretell.studies.diagnose.findings import FAULTS, Diagnosis, Finding

__all__ = ["FAULTS", "Diagnosis", "Finding", "diagnose"]
