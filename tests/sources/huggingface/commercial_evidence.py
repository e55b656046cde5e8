"""Verdicts on models of the snapshot as read from their licences and those of their bases, with the clause that decides.

Written from the texts and the models' pages, not from the rules: `id` where its own licence decides, `id | base` where that
of a base does; in YES and CONFLICTS the base is the one that was looked at.
"""

from __future__ import annotations

# All that are `no`, by the clause that forbids.
NO: dict[str, str] = {
    "OPT-175B licence §2: for research purposes, no commercial or production use": """
facebook/opt-125m
""",
    "Qwen Research License §2: NON-COMMERCIAL purposes only; §1(i) research or evaluation": """
Qwen/Qwen2.5-3B-Instruct
Qwen/Qwen2.5-VL-3B-Instruct
nvidia/LocateAnything-3B | Qwen/Qwen2.5-3B-Instruct
nanonets/Nanonets-OCR2-3B | Qwen/Qwen2.5-VL-3B-Instruct
typhoon-ai/typhoon-ocr-3b | Qwen/Qwen2.5-VL-3B-Instruct
""",
    "CC BY-NC-SA 4.0 §2(a)(1): NonCommercial purposes only": """
TostAI/nsfw-image-detection-large
E-MIMIC/inclusively-reformulation-it5
microsoft/layoutlmv3-base
audeering/wav2vec2-large-robust-24-ft-age-gender
Babelscape/wikineural-multilingual-ner
audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim
ibm-research/ttm-r3
""",
    "CC BY-NC 4.0 §2(a)(1): reproduce and share for NonCommercial purposes only; §1(i) not for commercial advantage": """
jinaai/jina-embeddings-v3
MahmoudAshraf/mms-300m-1130-forced-aligner
timm/convnextv2_nano.fcmae_ft_in22k_in1k
facebook/musicgen-medium
jinaai/jina-reranker-v2-base-multilingual
nguyenvulebinh/wav2vec2-base-vi-vlsp2020
facebook/nllb-200-distilled-600M
jinaai/jina-reranker-v3
Salesforce/SFR-Embedding-2_R
SWivid/F5-TTS
jinaai/jina-embeddings-v5-text-nano
jinaai/jina-reranker-m0
facebook/seamless-m4t-v2-large
facebook/fasttext-language-identification
jinaai/jina-embeddings-v5-text-small
facebook/musicgen-small
aufklarer/PersonaPlex-7B-MLX-4bit
jinaai/jina-embeddings-v5-omni-small
CohereLabs/aya-vision-8b
jinaai/ReaderLM-v2
zeroentropy/zembed-1-embedding
nvidia/NVLM-D-72B
tabularisai/multilingual-sentiment-analysis
adept/fuyu-8b
ali-vilab/text-to-video-ms-1.7b
facebook/tribev2
jinaai/jina-embeddings-v5-text-nano-retrieval
facebook/nllb-200-3.3B
jinaai/jina-clip-v2
jinaai/jina-embeddings-v5-text-small-retrieval
mistralai/Voxtral-4B-TTS-2603
jinaai/jina-embeddings-v5-omni-nano
""",
    "MiniMax-M2.7 non-commercial licence: commercial use requires prior written authorization": """
MiniMaxAI/MiniMax-M2.7
lukealonso/MiniMax-M2.7-NVFP4 | MiniMaxAI/MiniMax-M2.7
nvidia/MiniMax-M2.7-NVFP4 | MiniMaxAI/MiniMax-M2.7
""",
    "Apple Machine Learning Research Model §2: for Research Purposes only, which exclude commercial products": """
apple/OpenELM-1_1B-Instruct
apple/DFN2B-CLIP-ViT-B-16
apple/DFN5B-CLIP-ViT-H-14-378
""",
    "FLUX.1 [dev] Non-Commercial License §2: for Non-Commercial Purposes only; derivatives under the same terms": """
black-forest-labs/FLUX.1-dev
InstantX/FLUX.1-dev-Controlnet-Union | black-forest-labs/FLUX.1-dev
city96/FLUX.1-dev-gguf | black-forest-labs/FLUX.1-dev
black-forest-labs/FLUX.1-Kontext-dev
black-forest-labs/FLUX.1-Fill-dev
""",
    "CircleStone Labs Non-Commercial License: for non-commercial purposes only": """
circlestone-labs/Anima
""",
    "Mistral AI Research License §2: for Research Purposes, personal, scientific or academic, only": """
mistralai/Ministral-8B-Instruct-2410
""",
    "FLUX [dev] Non-Commercial License: for Non-Commercial Purposes only": """
black-forest-labs/FLUX.2-dev
black-forest-labs/FLUX.2-klein-9B
wikeeyang/Flux2-Klein-9B-True-V2 | black-forest-labs/FLUX.2-klein-9B
""",
    "LLaMA licence of 2023-02 §2: non-commercial research purposes only": """
huggyllama/llama-7b
""",
    "CC BY-NC-ND 4.0 §2(a)(1): NonCommercial purposes only, and adapted material is not shared": """
MahmoodLab/UNI
RunDiffusion/Juggernaut-XI-v11
""",
    "FAIR Noncommercial Research License §1.b: Noncommercial Research Uses only": """
facebook/EUPE-ViT-B
""",
}

# All whose own licence says more than what they were made of, and why it does not count.
CHANGED: dict[str, str] = {
    "unknown: the base is not in the snapshot, so that its licence is not known": """
sentence-transformers/all-MiniLM-L6-v2 | nreimers/MiniLM-L6-H384-uncased
cross-encoder/ms-marco-MiniLM-L6-v2 | microsoft/MiniLM-L12-H384-uncased
hexgrad/Kokoro-82M | yl4579/StyleTTS2-LJSpeech
sentence-transformers/all-MiniLM-L12-v2 | microsoft/MiniLM-L12-H384-uncased
dphn/dolphin-2.9.1-yi-1.5-34b | 01-ai/Yi-1.5-34B
cross-encoder/ms-marco-MiniLM-L4-v2 | microsoft/MiniLM-L12-H384-uncased
Xenova/all-MiniLM-L6-v2 | nreimers/MiniLM-L6-H384-uncased
w11wo/indonesian-roberta-base-posp-tagger | flax-community/indonesian-roberta-base
cross-encoder/ms-marco-MiniLM-L12-v2 | microsoft/MiniLM-L12-H384-uncased
gigant/romanian-wav2vec2 | facebook/wav2vec2-xls-r-300m
kingabzpro/wav2vec2-large-xls-r-300m-Urdu | facebook/wav2vec2-xls-r-300m
OpenGVLab/InternVL2-2B | internlm/internlm2-chat-1_8b
comodoro/wav2vec2-xls-r-300m-cs-250 | facebook/wav2vec2-xls-r-300m
cross-encoder/mmarco-mMiniLMv2-L12-H384-v1 | nreimers/mMiniLMv2-L12-H384-distilled-from-XLMR-Large
cross-encoder/ms-marco-MiniLM-L2-v2 | microsoft/MiniLM-L12-H384-uncased
Yehor/w2v-xls-r-uk | facebook/wav2vec2-xls-r-300m
AdamCodd/vit-base-nsfw-detector | google/vit-base-patch16-384
TheBloke/TinyLlama-1.1B-Chat-v0.3-GPTQ | TinyLlama/TinyLlama-1.1B-Chat-v0.3
eddiegulay/wav2vec2-large-xlsr-mvc-swahili | facebook/wav2vec2-large-xlsr-53
buildborderless/CommunityForensics-DeepfakeDet-ViT | timm/vit_small_patch16_384.augreg_in21k_ft_in1k
nie3e/sentiment-polish-gpt2-small | sdadas/polish-gpt2-small
nomic-ai/CodeRankEmbed | Snowflake/snowflake-arctic-embed-m-long
lmg-anon/vntl-llama3-8b-v2-gguf | rinna/llama-3-youko-8b
unsloth/gemma-4-26B-A4B-it-qat-GGUF | google/gemma-4-26B-A4B-it-qat-q4_0-unquantized
Kijai/WanVideo_comfy_fp8_scaled | Wan-AI/Wan2.1-VACE-1.3B
lmstudio-community/gemma-4-12B-it-QAT-GGUF | google/gemma-4-12B-it-qat-q4_0-unquantized
unsloth/gemma-4-12B-it-qat-GGUF | google/gemma-4-12B-it-qat-q4_0-unquantized
Synaptics/yolo | Ultralytics/YOLOv8
lightx2v/Wan2.2-Distill-Loras | Wan-AI/Wan2.2-I2V-A14B
Jackrong/Qwopus3.6-35B-A3B-v1-GGUF | unsloth/Qwen3.6-35B-A3B
cloud19/gemma-4-26B-A4B-it-heretic-FP8-Static | coder3101/gemma-4-26B-A4B-it-heretic
numz/SeedVR2_comfyUI | ByteDance-Seed/SeedVR2-3B
unsloth/gemma-4-31B-it-qat-GGUF | google/gemma-4-31B-it-qat-q4_0-unquantized
ansulev/Darwin-9B-NEG | FINAL-Bench/Darwin-9B-Opus
QuantStack/Wan2.2-I2V-A14B-GGUF | Wan-AI/Wan2.2-I2V-A14B
lmstudio-community/gemma-4-26B-A4B-it-QAT-GGUF | google/gemma-4-26B-A4B-it-qat-q4_0-unquantized
unsloth/gemma-4-E4B-it-qat-GGUF | google/gemma-4-E4B-it-qat-q4_0-unquantized
cagliostrolab/animagine-xl-3.1 | Linaqruf/animagine-xl-2.0
lmstudio-community/gemma-4-31B-it-QAT-GGUF | google/gemma-4-31B-it-qat-q4_0-unquantized
nphSi/Z-Image-Lora | Tongyi-MAI/Z-Image
RedHatAI/sarvam-30b-FP8-dynamic | sarvamai/sarvam-30b
QuantTrio/Qwen3.5-27B-Claude-4.6-Opus-Reasoning-Distilled-v2-AWQ | Jackrong/Qwen3.5-27B-Claude-4.6-Opus-Reasoning-Distilled-v2
huihui-ai/Huihui-Qwen3.5-4B-Claude-4.6-Opus-abliterated | Jackrong/Qwen3.5-4B-Claude-4.6-Opus-Reasoning-Distilled
cyankiwi/Qwen3-Next-80B-A3B-Thinking-AWQ-4bit | Qwen/Qwen3-Next-80B-A3B-Thinking
cyankiwi/Nex-N2-mini-AWQ-INT4 | nex-agi/Nex-N2-mini
huihui-ai/Huihui-Qwen3.6-35B-A3B-Claude-4.7-Opus-abliterated-MTP-GGUF | \
lordx64/Qwen3.6-35B-A3B-Claude-4.7-Opus-Reasoning-Distilled
unsloth/gemma-4-E2B-it-qat-GGUF | google/gemma-4-E2B-it-qat-q4_0-unquantized
llmfan46/Gemma-4-Garnet-V2-31B-it-ultra-uncensored-heretic | ConicCat/Gemma4-GarnetV2-31B
lyf/Huihui-gemma-4-31B-it-abliterated-v2-NVFP4 | huihui-ai/Huihui-gemma-4-31B-it-abliterated-v2
QuantStack/Wan2.2-T2V-A14B-GGUF | Wan-AI/Wan2.2-T2V-A14B
prithivMLmods/Holo-3.1-9B-GGUF | Hcompany/Holo-3.1-9B
OnomaAIResearch/Illustrious-xl-early-release-v0 | KBlueLeaf/kohaku-xl-beta5
mradermacher/gemma-4-26B-A4B-it-ultra-uncensored-heretic-i1-GGUF | llmfan46/gemma-4-26B-A4B-it-ultra-uncensored-heretic
AEON-7/Qwen3.6-35B-A3B-heretic-NVFP4 | tvall43/Qwen3.6-35B-A3B-heretic
KevinJK51/Qwen3.6-12B-IQ-Ultra-Heretic-Uncensored-Thinking-V2-Hightop-GGUF | \
DavidAU/Qwen3.6-12B-IQ-Ultra-Heretic-Uncensored-Thinking-V2-Hightop
cagliostrolab/animagine-xl-3.0 | Linaqruf/animagine-xl-2.0
bullerwins/Wan2.2-I2V-A14B-GGUF | Wan-AI/Wan2.2-I2V-A14B
""",
    "conditions: Llama 3.1 Community License §1(b)(i): derivatives under the same agreement; §2 700 million monthly users": """
westlake-repl/Evolla-10B-hf | meta-llama/Llama-3.1-8B-Instruct
""",
    "unknown: the base says other, and its licence could not be read beyond doubt": """
mispeech/midashenglm-7b-0804-fp32 | Qwen/Qwen2.5-Omni-7B
Haon-Chen/e5-omni-7B | Qwen/Qwen2.5-Omni-7B
""",
}

# Some with a base that anyone may use commercially: both licences permit to sell copies and derivatives.
YES: dict[str, str] = {
    "Apache-2.0 §2 and §4, of both": """
dima806/fairface_age_image_detection | google/vit-base-patch16-224-in21k
unsloth/gemma-4-26B-A4B-it-GGUF | google/gemma-4-26B-A4B-it
lmstudio-community/gemma-4-E4B-it-MLX-5bit | google/gemma-4-E4B-it
allenai/olmOCR-2-7B-1025-FP8 | Qwen/Qwen2.5-VL-7B-Instruct
nvidia/Qwen3.5-397B-A17B-NVFP4 | Qwen/Qwen3.5-397B-A17B
lmstudio-community/Qwen3.5-9B-MLX-4bit | Qwen/Qwen3.5-9B
cyankiwi/Qwen3-Next-80B-A3B-Instruct-AWQ-4bit | Qwen/Qwen3-Next-80B-A3B-Instruct
OBLITERATUS/gemma-4-E4B-it-OBLITERATED | google/gemma-4-E4B-it
paperscarecrow/Gemma-4-31B-it-abliterated | google/gemma-4-31B-it
ykarout/Qwen3.6-35B-A3B-NVFP4 | Qwen/Qwen3.6-35B-A3B
unsloth/Qwen3.5-9B-MTP-GGUF | Qwen/Qwen3.5-9B
lmstudio-community/gemma-4-26B-A4B-it-MLX-6bit | google/gemma-4-26B-A4B-it
unsloth/Qwen3.5-122B-A10B-MTP-GGUF | Qwen/Qwen3.5-122B-A10B
vectionlabs/VL-1-Coder | Qwen/Qwen2.5-Coder-7B-Instruct
unsloth/gemma-4-E2B-it | google/gemma-4-E2B-it
""",
    "MIT: to use, modify and sell copies, of both": """
nvidia/DeepSeek-V4-Pro-NVFP4 | deepseek-ai/DeepSeek-V4-Pro
RedHatAI/phi-4-quantized.w4a16 | microsoft/phi-4
antirez/deepseek-v4-gguf | deepseek-ai/DeepSeek-V4-Flash
Xenova/bge-base-en-v1.5 | BAAI/bge-base-en-v1.5
nvidia/DeepSeek-R1-0528-NVFP4-v2 | deepseek-ai/DeepSeek-R1-0528
""",
    "MIT of the model; Apache-2.0 §2 of the base": """
prefeitura-rio/Rio-3.0-Open-Mini | Qwen/Qwen3-4B-Thinking-2507
microsoft/VibeVoice-Realtime-0.5B | Qwen/Qwen2.5-0.5B
OpenGVLab/InternVL2-1B | Qwen/Qwen2-0.5B-Instruct
""",
}

# Some that depend on who uses them, or for what.
CONDITIONS: dict[str, str] = {
    "Llama 3.1 Community License §2: above 700 million monthly users a licence is required; acceptable use policy": """
meta-llama/Llama-3.1-8B-Instruct
dphn/Dolphin3.0-Llama3.1-8B
meta-llama/Llama-3.1-405B-Instruct
RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16
""",
    "CreativeML OpenRAIL-M §5 and Attachment A: prohibited uses": """
Comfy-Org/stable-diffusion-v1-5-archive
stable-diffusion-v1-5/stable-diffusion-v1-5
""",
    "Modified MIT of Kimi K2: above 100 million monthly users or 20 million dollars a month it must be named": """
moonshotai/Kimi-K2.6
""",
    "Llama 3.2 Community License §2: above 700 million monthly users; §1(b)(iv) acceptable use policy": """
meta-llama/Llama-3.2-1B
RedHatAI/Llama-3.2-1B-Instruct-FP8-dynamic
RedHatAI/Llama-3.2-1B-Instruct-FP8
""",
    "Gemma Terms of Use §3.2: prohibited uses, which derivatives must pass on": """
google/embeddinggemma-300m
google/gemma-3n-E2B-it
douyamv/Gemma-4-31B-JANG_4M-CRACK-GGUF
HauhauCS/Gemma-4-E2B-Uncensored-HauhauCS-Aggressive
google/gemma-2-27b-it
zaakirio/gemma-4-12b-it-uncensored-GGUF
google/gemma-2b-it
""",
    "CreativeML Open RAIL++-M §5 and Attachment A: prohibited uses": """
stabilityai/stable-diffusion-xl-base-1.0
diffusers/stable-diffusion-xl-1.0-inpainting-0.1
""",
    "Llama 3 Community License §2: above 700 million monthly users": """
meta-llama/Meta-Llama-3-8B
""",
    "Llama 2 Community License §2: above 700 million monthly users": """
meta-llama/Llama-2-7b-hf
meta-llama/Llama-2-7b-chat-hf
codellama/CodeLlama-7b-hf
meta-llama/Llama-2-13b-chat-hf
""",
    "Llama 3.3 Community License §2: above 700 million monthly users": """
meta-llama/Llama-3.3-70B-Instruct
""",
    "LTXV Open Weights License: restrictions on use, and revenue": """
Lightricks/LTX-Video
""",
    "Stability AI Community License §2: commercial use below 1 million dollars of revenue": """
stabilityai/stable-video-diffusion-img2vid-xt
""",
}

# All that state freer terms than a base allows.
CONFLICTS = """
lukealonso/MiniMax-M2.7-NVFP4 | MiniMaxAI/MiniMax-M2.7
westlake-repl/Evolla-10B-hf | meta-llama/Llama-3.1-8B-Instruct
typhoon-ai/typhoon-ocr-3b | Qwen/Qwen2.5-VL-3B-Instruct
"""
