"""A byte-level BPE tokenizer for the tiny policy: digits one by one, words whole, and one token for a person's name.

A name is one token, as frequent names are in a large vocabulary, so that the policy keeps facts by person. That
relatives share their surname, and much else, is left for the memory to notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from trainer.tiny.world.facts import PEOPLE

EOS, PAD = "<|endoftext|>", "<|pad|>"
THINK = ("<think>", "</think>")


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A tokenizer for texts like these, of at most this many tokens."""
    names = "|".join(map(re.escape, PEOPLE))
    pieces = Regex(rf" ?(?:{names})|\n +| ?\p{{L}}+| ?\d| ?[^\s\p{{L}}\d]+|\s+")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pieces, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary - len(THINK),
            special_tokens=[PAD, EOS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    # not special, so that they survive decoding with skip_special_tokens=True, which TRL does
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in THINK])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=256,
    )
