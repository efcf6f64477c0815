"""What type checkers and editors read in place of `__init__.py`, whose names are loaded on first use."""

from foretell.cluster.nodes import Replica as Replica
from foretell.measure.imbalance.by_item import item_imbalance as item_imbalance
from foretell.measure.imbalance.by_n import imbalance_by_n as imbalance_by_n
from foretell.measure.imbalance.by_token import token_curve as token_curve
from foretell.measure.imbalance.by_token import token_map as token_map
from foretell.measure.imbalance.cross_validation import cross_validate as cross_validate
from foretell.measure.imbalance.greedy_tokens import greedy_tokens as greedy_tokens
from foretell.measure.imbalance.information_imbalance import Imbalance as Imbalance
from foretell.measure.imbalance.information_imbalance import imbalance_curve as imbalance_curve
from foretell.measure.imbalance.information_imbalance import imbalance_matrix as imbalance_matrix
from foretell.measure.imbalance.information_imbalance import information_imbalance as information_imbalance
from foretell.measure.imbalance.semantic_layers import semantic_layers as semantic_layers
from foretell.measure.inference.contrasts import contrast as contrast
from foretell.measure.inference.halves import halves_stderr as halves_stderr
from foretell.measure.inference.p_values import holm as holm
from foretell.measure.results.result_files import load_result as load_result
from foretell.measure.results.result_files import save_result as save_result
from foretell.measure.results.schema import to_frame as to_frame
from foretell.measure.similarity.similarity_matrix import similarity_curve as similarity_curve
from foretell.measure.similarity.similarity_matrix import similarity_matrix as similarity_matrix
from foretell.measure.spaces.bits import BinarySpace as BinarySpace
from foretell.measure.spaces.floats import FloatSpace as FloatSpace
from foretell.measure.spaces.space import Space as Space
from foretell.measure.spaces.space import align as align
from foretell.options import set_options as set_options
from foretell.representations.data.pairs import Pairs as Pairs
from foretell.representations.data.pictures import Picture as Picture
from foretell.representations.extraction.extract import extract as extract
from foretell.representations.extraction.selection import select_pairs as select_pairs
from foretell.representations.imported.import_activations import import_activations as import_activations
from foretell.representations.loading.load_model import load_model as load_model
from foretell.representations.loading.load_pairs import load_pairs as load_pairs
from foretell.representations.store.reader import open_store as open_store
from foretell.studies.answer import Answer as Answer
from foretell.studies.diagnose.diagnose import diagnose as diagnose
from foretell.studies.diagnose.findings import Diagnosis as Diagnosis
from foretell.studies.planning.plan import Plan as Plan
from foretell.studies.planning.plan import plan as plan
from foretell.studies.report.page import write_report as write_report
from foretell.studies.run import run as run
from foretell.studies.run_folder import load_run as load_run
from foretell.version import __version__ as __version__

__all__: list[str]
_HOME: dict[str, str]
