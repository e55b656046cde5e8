"""Verdicts on models of the snapshot as read by hand: from their tags, those of their bases, and the texts of the licences.

Written without the rules and without their results. tests/sources/license_evidence.py has the clause that decides for a licence.

A row is a model and what it was made of, nearest first: `<` before a base that counts, `<=` before one that does not, since it
is of the same owner, whose terms the derivative states itself, and nothing in it is known to be of another owner. After an id are
its tags `license:`, separated by commas; `-` without one; `?` if the snapshot has no such model; and after `=` the licence that
was read for a repository whose tags leave it open. Of the links that count, the first with the strictest verdict decides.
"""

from __future__ import annotations

from typing import NamedTuple

# All whose own licence forbids commercial use, by that licence.
NO: dict[str, str] = {
    "-=qwen-research": "Qwen/Qwen2.5-VL-3B-Instruct",
    "apple-amlr": "apple/DFN2B-CLIP-ViT-B-16 apple/DFN5B-CLIP-ViT-H-14-378 apple/OpenELM-1_1B-Instruct",
    "cc-by-nc-4.0": """
adept/fuyu-8b ali-vilab/text-to-video-ms-1.7b aufklarer/PersonaPlex-7B-MLX-4bit CohereLabs/aya-vision-8b
facebook/fasttext-language-identification facebook/musicgen-medium facebook/musicgen-small facebook/nllb-200-3.3B
facebook/nllb-200-distilled-600M facebook/seamless-m4t-v2-large facebook/tribev2 jinaai/jina-clip-v2 jinaai/jina-embeddings-v3
jinaai/jina-embeddings-v5-omni-nano jinaai/jina-embeddings-v5-omni-small jinaai/jina-embeddings-v5-text-nano
jinaai/jina-embeddings-v5-text-nano-retrieval jinaai/jina-embeddings-v5-text-small
jinaai/jina-embeddings-v5-text-small-retrieval jinaai/jina-reranker-m0 jinaai/jina-reranker-v2-base-multilingual
jinaai/jina-reranker-v3 jinaai/ReaderLM-v2 MahmoudAshraf/mms-300m-1130-forced-aligner mistralai/Voxtral-4B-TTS-2603
nguyenvulebinh/wav2vec2-base-vi-vlsp2020 nvidia/NVLM-D-72B Salesforce/SFR-Embedding-2_R SWivid/F5-TTS
tabularisai/multilingual-sentiment-analysis timm/convnextv2_nano.fcmae_ft_in22k_in1k zeroentropy/zembed-1-embedding
""",
    "cc-by-nc-nd-4.0": "MahmoodLab/UNI RunDiffusion/Juggernaut-XI-v11",
    "cc-by-nc-sa-4.0": """
audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim audeering/wav2vec2-large-robust-24-ft-age-gender
Babelscape/wikineural-multilingual-ner E-MIMIC/inclusively-reformulation-it5 ibm-research/ttm-r3 microsoft/layoutlmv3-base
TostAI/nsfw-image-detection-large
""",
    "fair-noncommercial-research-license": "facebook/EUPE-ViT-B",
    "other=circlestone-nc": "circlestone-labs/Anima",
    "other=flux-1-dev": "black-forest-labs/FLUX.1-dev black-forest-labs/FLUX.1-Fill-dev black-forest-labs/FLUX.1-Kontext-dev",
    "other=flux-2-dev": "black-forest-labs/FLUX.2-dev",
    "other=flux-klein": "black-forest-labs/FLUX.2-klein-9B",
    "other=llama1": "huggyllama/llama-7b",
    "other=minimax-m2.7": "MiniMaxAI/MiniMax-M2.7",
    "other=mistral-research": "mistralai/Ministral-8B-Instruct-2410",
    "other=opt": "facebook/opt-125m",
    "other=qwen-research": "Qwen/Qwen2.5-3B-Instruct",
}

# All whose bases change the verdict, by the new one.
CHANGED: dict[str, str] = {
    "no": """
city96/FLUX.1-dev-gguf other < black-forest-labs/FLUX.1-dev other=flux-1-dev
InstantX/FLUX.1-dev-Controlnet-Union other < black-forest-labs/FLUX.1-dev other=flux-1-dev
lukealonso/MiniMax-M2.7-NVFP4 mit < MiniMaxAI/MiniMax-M2.7 other=minimax-m2.7
nanonets/Nanonets-OCR2-3B - < Qwen/Qwen2.5-VL-3B-Instruct -=qwen-research
nvidia/LocateAnything-3B other < Qwen/Qwen2.5-3B-Instruct other=qwen-research <= Qwen/Qwen2.5-3B ?
nvidia/MiniMax-M2.7-NVFP4 other < MiniMaxAI/MiniMax-M2.7 other=minimax-m2.7
typhoon-ai/typhoon-ocr-3b apache-2.0 < Qwen/Qwen2.5-VL-3B-Instruct -=qwen-research
wikeeyang/Flux2-Klein-9B-True-V2 other < black-forest-labs/FLUX.2-klein-9B other=flux-klein
""",
    "conditions": """
westlake-repl/Evolla-10B-hf mit < meta-llama/Llama-3.1-8B-Instruct llama3.1 <= meta-llama/Llama-3.1-8B llama3.1
""",
    "unknown": """
AdamCodd/vit-base-nsfw-detector apache-2.0 < google/vit-base-patch16-384 ?
AEON-7/Qwen3.6-35B-A3B-heretic-NVFP4 apache-2.0 < tvall43/Qwen3.6-35B-A3B-heretic ?
ansulev/Darwin-9B-NEG apache-2.0 < FINAL-Bench/Darwin-9B-Opus ?
buildborderless/CommunityForensics-DeepfakeDet-ViT mit < timm/vit_small_patch16_384.augreg_in21k_ft_in1k ?
bullerwins/Wan2.2-I2V-A14B-GGUF apache-2.0 < Wan-AI/Wan2.2-I2V-A14B ?
cagliostrolab/animagine-xl-3.0 openrail++ < Linaqruf/animagine-xl-2.0 ?
cagliostrolab/animagine-xl-3.1 openrail++ < cagliostrolab/animagine-xl-3.0 openrail++ < Linaqruf/animagine-xl-2.0 ?
cloud19/gemma-4-26B-A4B-it-heretic-FP8-Static apache-2.0 < coder3101/gemma-4-26B-A4B-it-heretic ?
comodoro/wav2vec2-xls-r-300m-cs-250 apache-2.0 < facebook/wav2vec2-xls-r-300m ?
cross-encoder/mmarco-mMiniLMv2-L12-H384-v1 apache-2.0 < nreimers/mMiniLMv2-L12-H384-distilled-from-XLMR-Large ?
cross-encoder/ms-marco-MiniLM-L12-v2 apache-2.0 < microsoft/MiniLM-L12-H384-uncased ?
cross-encoder/ms-marco-MiniLM-L2-v2 apache-2.0 < cross-encoder/ms-marco-MiniLM-L12-v2 apache-2.0 \
< microsoft/MiniLM-L12-H384-uncased ?
cross-encoder/ms-marco-MiniLM-L4-v2 apache-2.0 < cross-encoder/ms-marco-MiniLM-L12-v2 apache-2.0 \
< microsoft/MiniLM-L12-H384-uncased ?
cross-encoder/ms-marco-MiniLM-L6-v2 apache-2.0 < cross-encoder/ms-marco-MiniLM-L12-v2 apache-2.0 \
< microsoft/MiniLM-L12-H384-uncased ?
cyankiwi/Nex-N2-mini-AWQ-INT4 apache-2.0 < nex-agi/Nex-N2-mini ?
cyankiwi/Qwen3-Next-80B-A3B-Thinking-AWQ-4bit apache-2.0 < Qwen/Qwen3-Next-80B-A3B-Thinking ?
dphn/dolphin-2.9.1-yi-1.5-34b apache-2.0 < 01-ai/Yi-1.5-34B ?
eddiegulay/wav2vec2-large-xlsr-mvc-swahili apache-2.0 < facebook/wav2vec2-large-xlsr-53 ?
gigant/romanian-wav2vec2 apache-2.0 < facebook/wav2vec2-xls-r-300m ?
Haon-Chen/e5-omni-7B mit < Qwen/Qwen2.5-Omni-7B other
hexgrad/Kokoro-82M apache-2.0 < yl4579/StyleTTS2-LJSpeech ?
huihui-ai/Huihui-Qwen3.5-4B-Claude-4.6-Opus-abliterated apache-2.0 < Jackrong/Qwen3.5-4B-Claude-4.6-Opus-Reasoning-Distilled ?
huihui-ai/Huihui-Qwen3.6-35B-A3B-Claude-4.7-Opus-abliterated-MTP-GGUF apache-2.0 \
< lordx64/Qwen3.6-35B-A3B-Claude-4.7-Opus-Reasoning-Distilled ?
Jackrong/Qwopus3.6-35B-A3B-v1-GGUF apache-2.0 < unsloth/Qwen3.6-35B-A3B ?
KevinJK51/Qwen3.6-12B-IQ-Ultra-Heretic-Uncensored-Thinking-V2-Hightop-GGUF apache-2.0 \
< DavidAU/Qwen3.6-12B-IQ-Ultra-Heretic-Uncensored-Thinking-V2-Hightop ?
Kijai/WanVideo_comfy_fp8_scaled apache-2.0 < Wan-AI/Wan2.1-VACE-1.3B ?
kingabzpro/wav2vec2-large-xls-r-300m-Urdu apache-2.0 < facebook/wav2vec2-xls-r-300m ?
lightx2v/Wan2.2-Distill-Loras apache-2.0 < Wan-AI/Wan2.2-I2V-A14B ?
llmfan46/Gemma-4-Garnet-V2-31B-it-ultra-uncensored-heretic apache-2.0 < ConicCat/Gemma4-GarnetV2-31B ?
lmg-anon/vntl-llama3-8b-v2-gguf llama3 < rinna/llama-3-youko-8b ?
lmstudio-community/gemma-4-12B-it-QAT-GGUF apache-2.0 < google/gemma-4-12B-it-qat-q4_0-unquantized ?
lmstudio-community/gemma-4-26B-A4B-it-QAT-GGUF apache-2.0 < google/gemma-4-26B-A4B-it-qat-q4_0-unquantized ?
lmstudio-community/gemma-4-31B-it-QAT-GGUF apache-2.0 < google/gemma-4-31B-it-qat-q4_0-unquantized ?
lyf/Huihui-gemma-4-31B-it-abliterated-v2-NVFP4 gemma < huihui-ai/Huihui-gemma-4-31B-it-abliterated-v2 ?
mispeech/midashenglm-7b-0804-fp32 apache-2.0 < Qwen/Qwen2.5-Omni-7B other
mradermacher/gemma-4-26B-A4B-it-ultra-uncensored-heretic-i1-GGUF apache-2.0 \
< llmfan46/gemma-4-26B-A4B-it-ultra-uncensored-heretic ?
nie3e/sentiment-polish-gpt2-small mit < sdadas/polish-gpt2-small ?
nomic-ai/CodeRankEmbed mit < Snowflake/snowflake-arctic-embed-m-long ?
nphSi/Z-Image-Lora apache-2.0 < Tongyi-MAI/Z-Image ?
numz/SeedVR2_comfyUI apache-2.0 < ByteDance-Seed/SeedVR2-3B ?
OnomaAIResearch/Illustrious-xl-early-release-v0 other=fair-ai-public-1.0-sd < KBlueLeaf/kohaku-xl-beta5 ?
OpenGVLab/InternVL2-2B mit <= OpenGVLab/InternViT-300M-448px ? < internlm/internlm2-chat-1_8b ?
prithivMLmods/Holo-3.1-9B-GGUF apache-2.0 < Hcompany/Holo-3.1-9B ?
QuantStack/Wan2.2-I2V-A14B-GGUF apache-2.0 < Wan-AI/Wan2.2-I2V-A14B ?
QuantStack/Wan2.2-T2V-A14B-GGUF apache-2.0 < Wan-AI/Wan2.2-T2V-A14B ?
QuantTrio/Qwen3.5-27B-Claude-4.6-Opus-Reasoning-Distilled-v2-AWQ apache-2.0 \
< Jackrong/Qwen3.5-27B-Claude-4.6-Opus-Reasoning-Distilled-v2 ?
RedHatAI/sarvam-30b-FP8-dynamic apache-2.0 < sarvamai/sarvam-30b ?
sentence-transformers/all-MiniLM-L12-v2 apache-2.0 < microsoft/MiniLM-L12-H384-uncased ?
sentence-transformers/all-MiniLM-L6-v2 apache-2.0 < nreimers/MiniLM-L6-H384-uncased ?
Synaptics/yolo agpl-3.0 < Ultralytics/YOLOv8 ?
TheBloke/TinyLlama-1.1B-Chat-v0.3-GPTQ apache-2.0 < TinyLlama/TinyLlama-1.1B-Chat-v0.3 ?
unsloth/gemma-4-12B-it-qat-GGUF apache-2.0 < google/gemma-4-12B-it-qat-q4_0-unquantized ?
unsloth/gemma-4-26B-A4B-it-qat-GGUF apache-2.0 < google/gemma-4-26B-A4B-it-qat-q4_0-unquantized ?
unsloth/gemma-4-31B-it-qat-GGUF apache-2.0 < google/gemma-4-31B-it-qat-q4_0-unquantized ?
unsloth/gemma-4-E2B-it-qat-GGUF apache-2.0 < google/gemma-4-E2B-it-qat-q4_0-unquantized ?
unsloth/gemma-4-E4B-it-qat-GGUF apache-2.0 < google/gemma-4-E4B-it-qat-q4_0-unquantized ?
w11wo/indonesian-roberta-base-posp-tagger mit < flax-community/indonesian-roberta-base ?
Xenova/all-MiniLM-L6-v2 apache-2.0 < sentence-transformers/all-MiniLM-L6-v2 apache-2.0 < nreimers/MiniLM-L6-H384-uncased ?
Yehor/w2v-xls-r-uk apache-2.0 < facebook/wav2vec2-xls-r-300m ?
""",
}

# Some that their own licence decides, of each kind of licence and of chain.
SAMPLES: dict[str, str] = {
    "yes": """
openai/whisper-large-v3-turbo mit <= openai/whisper-large-v3 apache-2.0
HuggingFaceTB/SmolVLM-256M-Instruct apache-2.0 <= HuggingFaceTB/SmolLM2-135M-Instruct apache-2.0 \
<= HuggingFaceTB/SmolLM2-135M apache-2.0
Qwen/Qwen3-0.6B apache-2.0 <= Qwen/Qwen3-0.6B-Base ?
AEON-7/Qwen3.6-27B-AEON-Ultimate-Uncensored-NVFP4 apache-2.0 <= AEON-7/Qwen3.6-27B-AEON-Ultimate-Uncensored-BF16 ?
Alibaba-NLP/gte-reranker-modernbert-base apache-2.0 < answerdotai/ModernBERT-base apache-2.0
vectara/hallucination_evaluation_model apache-2.0 < google/flan-t5-base apache-2.0
unsloth/gpt-oss-20b-GGUF apache-2.0 < openai/gpt-oss-20b apache-2.0
allenai/olmOCR-2-7B-1025-FP8 apache-2.0 < Qwen/Qwen2.5-VL-7B-Instruct apache-2.0
nvidia/Qwen3.6-35B-A3B-NVFP4 apache-2.0 < Qwen/Qwen3.6-35B-A3B apache-2.0
unsloth/Qwen3.5-4B-Base apache-2.0 < Qwen/Qwen3.5-4B-Base apache-2.0
OpenMed/privacy-filter-nemotron apache-2.0 < openai/privacy-filter apache-2.0
amd/DeepSeek-R1-MXFP4 mit < deepseek-ai/DeepSeek-R1 mit
nvidia/GLM-5.1-NVFP4 mit < zai-org/GLM-5.1 mit
papluca/xlm-roberta-base-language-detection mit < FacebookAI/xlm-roberta-base mit
PickyBinders/tea mit < facebook/esm2_t33_650M_UR50D mit
HuggingFaceH4/zephyr-7b-beta mit < mistralai/Mistral-7B-v0.1 apache-2.0
Alissonerdx/BFS-Best-Face-Swap mit < Qwen/Qwen-Image-Edit-2511 apache-2.0
microsoft/VibeVoice-Realtime-0.5B mit < Qwen/Qwen2.5-0.5B apache-2.0
prefeitura-rio/Rio-3.5-Open-397B mit < Qwen/Qwen3.5-397B-A17B apache-2.0
NeuML/pubmedbert-base-embeddings apache-2.0 < microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext mit
deepset/roberta-base-squad2 cc-by-4.0 < FacebookAI/roberta-base mit
mlx-community/parakeet-tdt-0.6b-v3 cc-by-4.0 < nvidia/parakeet-tdt-0.6b-v3 cc-by-4.0
nvidia/canary-qwen-2.5b cc-by-4.0 < Qwen/Qwen3-1.7B apache-2.0 <= Qwen/Qwen3-1.7B-Base apache-2.0
cyankiwi/gemma-4-31B-it-AWQ-4bit apache-2.0 < google/gemma-4-31B-it apache-2.0 <= google/gemma-4-31B apache-2.0
litert-community/gemma-4-E2B-it-litert-lm apache-2.0 < google/gemma-4-E2B-it apache-2.0 <= google/gemma-4-E2B apache-2.0
LifetimeMistake/Qwen3-VL-Embedding-2B-AWQ-4bit apache-2.0 < Qwen/Qwen3-VL-Embedding-2B apache-2.0 \
<= Qwen/Qwen3-VL-2B-Instruct apache-2.0
drawais/Qwen3-Embedding-8B-AWQ-INT4 apache-2.0 < Qwen/Qwen3-Embedding-8B apache-2.0 <= Qwen/Qwen3-8B-Base ?
k2-fsa/OmniVoice apache-2.0 < Qwen/Qwen3-0.6B apache-2.0 <= Qwen/Qwen3-0.6B-Base ?
allenai/Molmo2-8B apache-2.0 < Qwen/Qwen3-8B apache-2.0 <= Qwen/Qwen3-8B-Base ?
RedHatAI/Mistral-Small-3.1-24B-Instruct-2503-FP8-dynamic apache-2.0 < mistralai/Mistral-Small-3.1-24B-Instruct-2503 apache-2.0 \
<= mistralai/Mistral-Small-3.1-24B-Base-2503 ?
huihui-ai/Huihui-Qwen3.5-27B-Claude-4.6-Opus-abliterated apache-2.0 \
< Jackrong/Qwen3.5-27B-Claude-4.6-Opus-Reasoning-Distilled apache-2.0 < Qwen/Qwen3.5-27B apache-2.0
LuffyTheFox/Qwen3.6-35B-A3B-Uncensored-Wasserstein-GGUF apache-2.0 \
< HauhauCS/Qwen3.6-35B-A3B-Uncensored-HauhauCS-Aggressive apache-2.0 < Qwen/Qwen3.6-35B-A3B apache-2.0
Jackrong/Qwen3.5-9B-DeepSeek-V4-Flash-GGUF apache-2.0 < unsloth/Qwen3.5-9B apache-2.0 < Qwen/Qwen3.5-9B apache-2.0 \
<= Qwen/Qwen3.5-9B-Base apache-2.0
OpenGVLab/InternVL2-1B mit <= OpenGVLab/InternViT-300M-448px ? < Qwen/Qwen2-0.5B-Instruct apache-2.0 \
<= Qwen/Qwen2-0.5B apache-2.0
""",
    "conditions": """
meta-llama/Llama-2-7b-hf llama2
codellama/CodeLlama-7b-hf llama2
lmsys/vicuna-7b-v1.5 llama2
meta-llama/Meta-Llama-3-8B llama3
meta-llama/Llama-3.1-8B-Instruct llama3.1 <= meta-llama/Llama-3.1-8B llama3.1
bartowski/Meta-Llama-3.1-8B-Instruct-GGUF llama3.1 < meta-llama/Llama-3.1-8B-Instruct llama3.1 \
<= meta-llama/Llama-3.1-8B llama3.1
dphn/Dolphin3.0-Llama3.1-8B llama3.1 < meta-llama/Llama-3.1-8B llama3.1
NousResearch/Hermes-3-Llama-3.1-8B llama3 < meta-llama/Llama-3.1-8B llama3.1
RedHatAI/Llama-3.2-1B-Instruct-FP8 llama3.2 < meta-llama/Llama-3.2-1B-Instruct llama3.2
meta-llama/Llama-3.3-70B-Instruct llama3.3 <= meta-llama/Llama-3.1-70B llama3.1
meta-llama/Llama-4-Scout-17B-16E-Instruct other=llama4 <= meta-llama/Llama-4-Scout-17B-16E ?
google/gemma-2-9b-it gemma <= google/gemma-2-9b gemma
BAAI/bge-multilingual-gemma2 gemma
Andycurrent/Gemma-3-1B-it-GLM-4.7-Flash-Heretic-Uncensored-Thinking_GGUF gemma < google/gemma-3-1b-it gemma \
<= google/gemma-3-1b-pt ?
OBLITERATUS/Gemma-4-12B-OBLITERATED gemma < google/gemma-4-12B-it apache-2.0 <= google/gemma-4-12B apache-2.0
wangzhang/gemma-4-31B-it-abliterated gemma < google/gemma-4-31B-it apache-2.0 <= google/gemma-4-31B apache-2.0
zaakirio/gemma-4-12b-it-uncensored-GGUF gemma <= zaakirio/gemma-4-12b-it-uncensored ?
bigscience/bloom-560m bigscience-bloom-rail-1.0
datalab-to/chandra openrail
stabilityai/stable-diffusion-xl-base-1.0 openrail++
cagliostrolab/animagine-xl-4.0 openrail++ < stabilityai/stable-diffusion-xl-base-1.0 openrail++
diffusers/stable-diffusion-xl-1.0-inpainting-0.1 openrail++ < stabilityai/stable-diffusion-xl-base-1.0 openrail++
RunDiffusion/Juggernaut-XL-v9 creativeml-openrail-m < stabilityai/stable-diffusion-xl-base-1.0 openrail++
Comfy-Org/stable-diffusion-v1-5-archive creativeml-openrail-m < CompVis/stable-diffusion-v1-4 creativeml-openrail-m
Lykon/dreamshaper-7 creativeml-openrail-m
stabilityai/stable-diffusion-3.5-medium other=stability-community
stabilityai/stable-video-diffusion-img2vid-xt other=stability-community
Lightricks/LTX-Video other=ltxv
Lightricks/LTX-2.3 other=ltx-2
moonshotai/Kimi-K2.6 other=kimi-modified-mit
MiniMaxAI/MiniMax-M3 other=minimax-m3
tencent/HunyuanImage-3.0 other=hunyuan
Qwen/Qwen2.5-72B-Instruct other=qwen <= Qwen/Qwen2.5-72B ?
facebook/sam3 other=sam
google/medgemma-4b-it other=health-ai <= google/medgemma-4b-pt ?
deepseek-ai/deepseek-coder-6.7b-instruct other=deepseek
LiquidAI/LFM2.5-8B-A1B other=lfm-1.0 <= LiquidAI/LFM2.5-8B-A1B-Base ?
nvidia/NVIDIA-Nemotron-Nano-9B-v2 other=nvidia-open-model <= nvidia/NVIDIA-Nemotron-Nano-12B-v2 ?
""",
    "unknown": """
ggml-org/gemma-4-12B-it-GGUF - < google/gemma-4-12B-it apache-2.0 <= google/gemma-4-12B apache-2.0
vantagewithai/LTX2.3-10Eros-GGUF - < TenStrip/LTX2.3-10Eros -
Abiray/Sulphur-2-base-GGUF - < SulphurAI/Sulphur-2-base - < Lightricks/LTX-2.3 other=ltx-2
biohub/ESMC-6B mit,other
tencent/HunyuanOCR other
stabilityai/sdxl-turbo other
RecViking/Mistral-Medium-3.5-128B-NVFP4 other < mistralai/Mistral-Medium-3.5-128B other
nvidia/Gemma-4-31B-IT-NVFP4 other < google/gemma-4-31B-it apache-2.0 <= google/gemma-4-31B apache-2.0
nvidia/personaplex-7b-v1 other < kyutai/moshiko-pytorch-bf16 ?
lightseekorg/kimi-k2.6-eagle3-mla other < moonshotai/Kimi-K2.6 other=kimi-modified-mit
LiquidAI/LFM2.5-8B-A1B-GGUF other <= LiquidAI/LFM2.5-8B-A1B other=lfm-1.0 <= LiquidAI/LFM2.5-8B-A1B-Base ?
""",
}

# All that state freer terms than a base allows: that base, and how.
CONFLICTS: dict[str, tuple[str, str]] = {
    "lukealonso/MiniMax-M2.7-NVFP4": (
        "MiniMaxAI/MiniMax-M2.7", "MIT permits to sell copies; the base forbids commercial use without authorisation"
    ),
    "typhoon-ai/typhoon-ocr-3b": (
        "Qwen/Qwen2.5-VL-3B-Instruct", "Apache-2.0 §2 grants use to all; §2 of the base, for non-commercial purposes only"
    ),
    "westlake-repl/Evolla-10B-hf": (
        "meta-llama/Llama-3.1-8B-Instruct", "MIT has no conditions of use; §1(b) and §2 of the base bind those of its derivatives"
    ),
}  # fmt: skip


class Link(NamedTuple):
    """A model of a row.

    Attributes:
        id: Its id.
        tags: The licences of its tags; None if the snapshot has no such model.
        text: The licence that was read where the tags leave it open; else None.
        counts: Whether its terms count for the first model of the row.
    """

    id: str
    tags: list[str] | None
    text: str | None
    counts: bool


def read_rows(text: str) -> list[list[Link]]:
    """Return the links of each row, the model itself first."""
    return [_read_row(f"< {row}".split()) for row in text.strip().splitlines()]


def _read_row(words: list[str]) -> list[Link]:
    links = []
    for relation, id_, licenses in zip(words[::3], words[1::3], words[2::3], strict=True):
        tags, _, text = licenses.partition("=")
        stated = None if tags == "?" else [] if tags == "-" else tags.split(",")
        links.append(Link(id_, stated, text or None, relation == "<"))
    return links
