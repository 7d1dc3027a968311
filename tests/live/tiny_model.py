"""Writes a language model of 40 000 random weights as a GGUF file: real enough to load, and to stream nonsense.

Run with an interpreter that has llama.cpp's `gguf` package: `python tiny_model.py FILE`.
"""

from __future__ import annotations

import sys

import gguf  # type: ignore[import-not-found,unused-ignore]
import numpy  # type: ignore[import-not-found,unused-ignore]

WIDTH = 32
LAYERS = 2
HEADS = 4
FEED_FORWARD = 64
CONTEXT = 512
WORDS = ("bird", "sings", "the", "owl", "sees", "a", "tree", "night", "and", "sky")
# Token types of the SentencePiece vocabulary in GGUF files.
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


def vocabulary() -> list[tuple[str, int]]:
    """Tokens with their types. All 256 bytes are there, so that any prompt can be written with them."""
    special = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    return special + [(f"<0x{byte:02X}>", BYTE) for byte in range(256)] + [(f"▁{word}", NORMAL) for word in WORDS]


def write(path: str) -> None:
    tokens = vocabulary()
    random = numpy.random.default_rng(seed=1)

    def weights(*shape: int) -> numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]:
        return (random.standard_normal(shape) * 0.1).astype(numpy.float32)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(len(tokens))
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)

    writer.add_tensor("token_embd.weight", weights(len(tokens), WIDTH))
    writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
    # Whatever the model thinks, one word of each opposite pair scores above the special tokens, which score zero: it
    # never ends by itself, and never writes bytes that are no text.
    pairs = weights(len(WORDS) // 2, WIDTH)
    silent = numpy.zeros((len(tokens) - len(WORDS), WIDTH), numpy.float32)
    writer.add_tensor("output.weight", numpy.concatenate([silent, pairs, -pairs]))
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", numpy.ones(WIDTH, numpy.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(WIDTH, WIDTH))
        for name in ("ffn_gate", "ffn_up"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(FEED_FORWARD, WIDTH))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", weights(WIDTH, FEED_FORWARD))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1])
